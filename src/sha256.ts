/**
 * SHA-256 by Web Cryptography, which every runtime has (browsers: for pages from https or localhost).
 *
 * @module
 */

/** Bytes in memory, or a text, which counts as its UTF-8. */
export type Hashed = ArrayBufferView<ArrayBuffer> | string;

/** SHA-256 of some bytes, 64 hexadecimal digits in lower case. */
export async function sha256(data: Hashed): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** One hash of many things: that of their hashes, one after the other, so that they need not lie in one piece. */
export async function sha256OfAll(parts: Iterable<Hashed>): Promise<string> {
  const hashes: string[] = [];
  for (const part of parts) hashes.push(await sha256(part));
  return await sha256(hashes.join(""));
}
