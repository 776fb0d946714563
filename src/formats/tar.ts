/**
 * Tar archives (POSIX ustar), plain or packed by gzip, in memory: the regular files in them, and nothing else. Numbers are
 * whole ones in octal digits, sizes end within the archive (8 GiB and more have another form, which is not read), and what
 * gzip unpacks to is bounded, so that reading always ends.
 *
 * @module
 */
import type { Fail } from "../errors.ts";

const BLOCK = 512;
/** Bytes an archive may unpack to: five times the largest that is read, so that a bomb is not followed for long. */
const MAX_BYTES = 2 ** 30;

/**
 * Unpacks an archive. Names over 100 bytes in the forms beyond ustar's (pax, GNU) are not put together.
 *
 * @returns the files' bytes by their paths in the archive, the last of those with the same path
 */
export async function readTar(
  file: Uint8Array<ArrayBuffer>,
  fail: Fail,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const tar = file[0] === 0x1f && file[1] === 0x8b ? await gunzip(file, fail) : file;
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 0; at < tar.length;) { // each turn goes on by a block at least
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break; // the end, two empty blocks
    if (header.length < BLOCK || !hasChecksum(header)) fail("no tar archive, or a damaged one");
    const size = octal(header, 124, 12), begin = at + BLOCK;
    if (Number.isNaN(size)) fail("a tar archive with a file whose size is no whole number");
    if (begin + size > tar.length) fail("a tar archive that is cut off");
    if (text(header, 156, 1) === "" || text(header, 156, 1) === "0") { // a regular file
      const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
      files.set(`${prefix && `${prefix}/`}${text(header, 0, 100)}`, tar.subarray(begin, begin + size));
    }
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** Whether a header has the sum of its bytes in it, those of the sum counted as blanks. */
function hasChecksum(header: Uint8Array): boolean {
  const sum = header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  return octal(header, 148, 8) === sum;
}

/** A whole number as its octal digits, blanks around them; NaN for anything else, as a sign or no digit. */
function octal(header: Uint8Array, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** The characters up to a zero. */
function text(header: Uint8Array, at: number, length: number): string {
  return new TextDecoder().decode(header.subarray(at, at + length)).replace(/\0.*$/s, "");
}

async function gunzip(file: Uint8Array<ArrayBuffer>, fail: Fail): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"))) {
      length += chunk.length;
      if (length > MAX_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    fail("a gzip file that is cut off or damaged");
  }
  if (length > MAX_BYTES) fail(`an archive of more than ${MAX_BYTES} bytes`);
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
