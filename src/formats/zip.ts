/**
 * ZIP archives as PyTorch writes them: entries stored without compression, sizes and offsets in the central directory
 * at the end, with their 64-bit forms. Checksums are not looked at: PyTorch can be told to write none. Entries are views
 * of the file, each of its own name, MAX_ENTRIES at most.
 *
 * @module
 */
import type { Fail } from "../errors.ts";

const END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, CENTRAL = 0x02014b50, LOCAL = 0x04034b50;
const MAX_ENTRIES = 2 ** 20; // one a tensor
const MAX16 = 0xffff, MAX32 = 0xffffffff; // what stands where a value has a 64-bit form

/** The entries' bytes by name, as views of `file`. */
export function readZip(file: Uint8Array<ArrayBuffer>, fail: Fail): Map<string, Uint8Array<ArrayBuffer>> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  /** Where `length` bytes begin that have to be there. */
  const within = (at: number, length: number, what: string): number =>
    Number.isSafeInteger(at + length) && at >= 0 && at + length <= file.length
      ? at
      : fail(`${what} outside the file's ${file.length} bytes (is it truncated?)`);
  const u16 = (at: number) => view.getUint16(at, true), u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));

  let { count, at } = findDirectory();
  if (count > MAX_ENTRIES) fail(`${count} entries, where ${MAX_ENTRIES} are the most that is read`);
  const entries = new Map<string, Uint8Array<ArrayBuffer>>();
  for (; count > 0; count--) {
    within(at, 46, "an entry of its directory");
    if (u32(at) !== CENTRAL) fail("a damaged directory");
    const nameLength = u16(at + 28), extraLength = u16(at + 30), commentLength = u16(at + 32);
    const next = at + 46 + nameLength + extraLength + commentLength;
    within(at, next - at, "an entry of its directory");
    const name = new TextDecoder().decode(file.subarray(at + 46, at + 46 + nameLength));
    if (u16(at + 8) & 1) fail(`${name} encrypted`);
    if (u16(at + 10) !== 0) fail(`${name} compressed, which PyTorch does not do`);
    if (entries.has(name)) fail(`${name} twice`);
    const { size, offset } = place(at, at + 46 + nameLength, extraLength);
    within(offset, 30, name);
    if (u32(offset) !== LOCAL) fail(`no entry where ${name} should be`);
    const begin = offset + 30 + u16(offset + 26) + u16(offset + 28);
    within(begin, size, name);
    entries.set(name, file.subarray(begin, begin + size));
    at = next;
  }
  return entries;

  /** The directory's number of entries and where it begins. */
  function findDirectory(): { count: number; at: number } {
    let end = file.length - 22; // where the end record is, unless a comment of up to 64 KiB follows it
    const lowest = Math.max(0, end - MAX16);
    while (end >= lowest && u32(end) !== END) end--;
    if (end < lowest) return fail("no directory at the end (is it truncated?)");
    if (end < 20 || u32(end - 20) !== LOCATOR64) return { count: u16(end + 10), at: u32(end + 16) };
    const end64 = within(u64(end - 12), 56, "its directory");
    if (u32(end64) !== END64) return fail("a damaged directory");
    return { count: u64(end64 + 32), at: u64(end64 + 48) };
  }

  /** An entry's size and its local header's offset: what has no room in 32 bits comes in order in extra field 1. */
  function place(at: number, extra: number, extraLength: number): { size: number; offset: number } {
    const packed = u32(at + 20), size = u32(at + 24), offset = u32(at + 42);
    const wide = [size, packed, offset].map((value) => value === MAX32);
    if (!wide.includes(true)) return { size, offset };
    const end = extra + extraLength;
    while (extra + 4 <= end && u16(extra) !== 1) extra += 4 + u16(extra + 2);
    const values = wide.filter(Boolean).length;
    if (extra + 4 + 8 * values > end) return fail("a damaged directory");
    let next = extra + 4;
    const [size64, , offset64] = [size, packed, offset].map((value, i) => {
      if (!wide[i]) return value;
      next += 8;
      return u64(next - 8);
    });
    return { size: size64, offset: offset64 };
  }
}
