/**
 * A kernel is a WGSL file and the name of one of its entry points. The file alone says what it binds
 * (`@group(0)`, by name) and which parameters it takes (`struct Params`, 4-byte scalars); this file reads both
 * out of the text so that host code names things as the kernel does.
 *
 * @module
 */
import type { DType } from "./tensor.ts";

/**
 * What to run: the text, the entry point and the constants prepended to the text. The same object finds its pipeline
 * faster than another one with the same text.
 */
export interface Kernel {
  /** Shown in errors and profiles. */
  readonly name: string;
  /** WGSL. Storage buffers are those of group 0, parameters the fields of `struct Params`. */
  readonly source: string;
  /** The name of the `@compute` function. */
  readonly entry: string;
  /** Become `const NAME = value;` before the text; whole numbers are u32 by default (`1` is abstract). */
  readonly constants?: Readonly<Record<string, number | boolean>>;
}

/** One scalar of `struct Params`. */
export interface Field {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

/** One `var<storage>` of group 0. */
export interface Binding {
  readonly name: string;
  readonly index: number;
  readonly writable: boolean;
  /** What the array's values are made of. */
  readonly dtype: DType;
}

/** What a WGSL text declares. */
export interface Signature {
  readonly fields: readonly Field[];
  readonly bindings: ReadonlyMap<string, Binding>;
}

/** Reads bindings and parameters out of a WGSL text. @throws {TypeError} where an array is of other values */
export function signatureOf(source: string): Signature {
  const struct = /struct\s+Params\s*\{([^}]*)\}/.exec(source)?.[1] ?? "";
  const fields = [...struct.replace(/\/\/.*$/gm, "").matchAll(/(\w+)\s*:\s*(\w+)/g)]
    .map(([, name, type]) => ({ name, type: type as Field["type"] }));
  const aliases = new Map<string, string>();
  for (const [, name, type] of source.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g)) aliases.set(name, type);
  const bindings = new Map<string, Binding>();
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var<storage(?:,\s*(read_write|read))?>\s*(\w+)\s*:\s*array<(.+)>\s*;/g;
  for (const [, index, access, name, element] of source.matchAll(pattern)) {
    const dtype = dtypeOf(aliases.get(element) ?? element);
    if (!dtype) {
      throw new TypeError(
        `Expected an array of f32, f16 or u32, or of vectors of them, but found ${element}`,
      );
    }
    bindings.set(name, { name, index: Number(index), writable: access === "read_write", dtype });
  }
  return { fields, bindings };
}

const SHORT: Readonly<Record<string, DType>> = { f: "f32", h: "f16", u: "u32" };

/** What `f32`, `vec4f` and `vec4<f32>` are made of; undefined for what is no scalar or vector of a dtype. */
function dtypeOf(type: string): DType | undefined {
  const [, short, long] = /^(?:vec[234]([fhu])|(?:vec[234]<)?([fu]32|f16)>?)$/.exec(type.trim()) ?? [];
  return short ? SHORT[short] : long as DType | undefined;
}

/** The text that is compiled: what comes before the file's on its first line, so that line numbers stay those of the file. */
export function assemble(kernel: Kernel): string {
  const constants = Object.entries(kernel.constants ?? {}).map(([name, value]) =>
    `const ${name} = ${value};`
  );
  const enabled = /\balias \w+ = (?:vec[234]h|f16);/.test(kernel.source) ? "enable f16; " : "";
  return enabled + constants.join(" ") + kernel.source;
}

/** What errors and profiles call it: name, entry point and constants. */
export function labelOf(kernel: Kernel): string {
  const constants = Object.entries(kernel.constants ?? {}).map(([name, value]) => ` ${name}=${value}`);
  return `${kernel.name}/${kernel.entry}${constants.join("")}`;
}
