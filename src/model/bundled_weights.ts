/**
 * The weights that come with this project (weights/NOTICE), found from this module's own address: a file in a clone, an
 * address on JSR, and for a bundle made for browsers a folder `weights` that is to be copied beside it.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { parseSafetensors } from "../formats/safetensors.ts";
import type { TensorFile } from "../formats/tensor_file.ts";

/** The bundled weights of a backbone. @throws {InputError} where they are not where they should be */
export async function bundledWeights(backbone: string): Promise<TensorFile> {
  const url = new URL(`./weights/${backbone}.safetensors`, import.meta.url).href;
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) {
    throw new InputError(
      `Expected the weights of ${backbone} that come with this project at ${url},\n` +
        `but found ${response ? `HTTP status ${response.status}` : "nothing that can be read"}`,
    );
  }
  return parseSafetensors(new Uint8Array(await response.arrayBuffer()), url);
}
