/**
 * A kernel is a WGSL file and the name of one of its entry points. The file alone says what it binds
 * (`@group(0)`, by name) and which parameters it takes (`struct Params`, 4-byte scalars); this file reads both
 * out of the text so that host code names things as the kernel does.
 *
 * @module
 */

/** What to run: the text, the entry point and the constants prepended to the text. */
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
}

/** What a WGSL text declares. */
export interface Signature {
  readonly fields: readonly Field[];
  readonly bindings: ReadonlyMap<string, Binding>;
}

const signatures = new Map<string, Signature>();

/** Reads bindings and parameters out of a WGSL text; remembered per text. */
export function signatureOf(source: string): Signature {
  let signature = signatures.get(source);
  if (!signature) {
    const struct = /struct\s+Params\s*\{([^}]*)\}/.exec(source)?.[1] ?? "";
    const fields = [...struct.replace(/\/\/.*$/gm, "").matchAll(/(\w+)\s*:\s*(\w+)/g)]
      .map(([, name, type]) => ({ name, type: type as Field["type"] }));
    const bindings = new Map<string, Binding>();
    const pattern = /@group\(0\)\s*@binding\((\d+)\)\s*var<storage(?:,\s*(read_write|read))?>\s*(\w+)/g;
    for (const [, index, access, name] of source.matchAll(pattern)) {
      bindings.set(name, { name, index: Number(index), writable: access === "read_write" });
    }
    signature = { fields, bindings };
    signatures.set(source, signature);
  }
  return signature;
}

/** The text that is compiled: constants on the first line, so that line numbers stay those of the file. */
export function assemble(kernel: Kernel): string {
  const constants = Object.entries(kernel.constants ?? {}).map(([name, value]) =>
    `const ${name} = ${value};`
  );
  return constants.join(" ") + kernel.source;
}

/** Identifies the compiled pipeline. */
export function keyOf(kernel: Kernel): string {
  let key = `${kernel.name}/${kernel.entry}`;
  for (const name in kernel.constants) key += ` ${name}=${kernel.constants[name]}`;
  return key;
}
