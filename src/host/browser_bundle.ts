/**
 * The library as one file for browsers, and beside it what that looks for when it needs it: decoders in WebAssembly.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { makeFolder, readWhole, reason, writeWhole } from "./files.ts";

/** The bundle's name. */
const BUNDLE = "adtr.js";
/** Decoders, by the names that the bundle asks for. */
const DECODERS: Record<string, string> = {
  "mozjpeg_dec.wasm": "npm:@jsquash/jpeg@^1.6.0/codec/dec/mozjpeg_dec.wasm",
  "webp_dec.wasm": "npm:@jsquash/webp@^1.5.0/codec/dec/webp_dec.wasm",
};

/**
 * Writes `adtr.js` and the decoders into a folder. Bundled weights are not among them: `copyBundledWeights`.
 *
 * @throws {InputError} where this program is not run by a Deno that bundles, or the folder is not writable
 */
export async function writeBrowserBundle(folder: string): Promise<void> {
  const path = join(folder, BUNDLE);
  await bundle(path);
  const text = new TextDecoder().decode(await readWhole(path));
  for (const [, name] of text.matchAll(/["'`]([\w-]+\.wasm)["'`]/g)) {
    if (!Object.hasOwn(DECODERS, name)) throw new Error(`Expected to know where ${name} is from`);
  }
  for (const [name, specifier] of Object.entries(DECODERS)) {
    await copy(import.meta.resolve(specifier), join(folder, name));
  }
}

/**
 * Copies a backbone's bundled weights to where a bundle looks for them, with their licence.
 *
 * @param folder that of the bundle; they go to `weights` in it
 */
export async function copyBundledWeights(backbone: string, folder: string): Promise<void> {
  await makeFolder(join(folder, "weights"));
  for (const name of [`${backbone}.safetensors`, "NOTICE", "LICENSE"]) {
    await copy(import.meta.resolve(`../model/weights/${name}`), join(folder, "weights", name));
  }
}

/** Runs `deno bundle` on mod.ts, wherever that is. */
async function bundle(path: string): Promise<void> {
  const entry = import.meta.resolve("../../mod.ts"), here = entry.startsWith("file:");
  const from = here ? fileURLToPath(entry) : entry;
  const args = ["bundle", "--quiet", "--platform=browser", `--output=${resolve(path)}`, from];
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: here ? dirname(from) : dirname(path), // there, this project's lock file says which versions
    env: { NO_COLOR: "1" },
  });
  const { code, stderr } = await command.output().catch((error) => ({
    code: 1,
    stderr: new TextEncoder().encode(reason(error)),
  }));
  if (code === 0) return;
  throw new InputError(
    `Expected a Deno that bundles (\`deno bundle\`), but found that ${Deno.execPath()} doesn't:\n` +
      new TextDecoder().decode(stderr).trim().split("\n")[0],
  );
}

/** Copies a file from wherever this program is. */
async function copy(from: string, to: string): Promise<void> {
  const response = await fetch(from).catch(() => null);
  if (!response?.ok) {
    throw new InputError(`Expected ${from}, a part of this program, but found nothing that can be read`);
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  await writeWhole(to, (write) => write(bytes));
}
