/**
 * Pieces of PyTorch checkpoints, put together by hand: ZIP archives of stored entries, with 32- or 64-bit sizes, and
 * the bytes of pickles.
 *
 * @module
 */

/** A text's Latin-1 characters as bytes. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** One after another. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Numbers, little-endian, of so many bytes each. */
function numbers(...fields: [bytes: number, value: number][]): Uint8Array {
  return concat(...fields.map(([bytes, value]) => {
    const field = new Uint8Array(8);
    new DataView(field.buffer).setBigUint64(0, BigInt(value), true);
    return field.subarray(0, bytes);
  }));
}

/** A ZIP archive of these entries; `wide` puts every size and offset in the 64-bit fields. */
export function zip(
  entries: Record<string, Uint8Array>,
  { wide = false, method = 0, flags = 0, comment = "" } = {},
): Uint8Array<ArrayBuffer> {
  let file = new Uint8Array(0), directory = new Uint8Array(0);
  const size = (value: number): [number, number] => [4, wide ? 0xffffffff : value];
  for (const [name, data] of Object.entries(entries)) {
    const offset = file.length, { length } = data, named = latin1(name);
    const extra = numbers([2, 0x4246], [2, 3], [3, 0]); // as PyTorch pads
    const kind: [number, number][] = [
      [2, 45],
      [2, flags],
      [2, method],
      [4, 0],
      [4, 0],
      size(length),
      size(length),
    ];
    const wideExtra = wide
      ? numbers([2, 1], [2, 24], [8, length], [8, length], [8, offset])
      : new Uint8Array(0);
    file = concat(
      file,
      numbers([4, 0x04034b50], ...kind, [2, named.length], [2, extra.length]),
      named,
      extra,
      data,
    );
    directory = concat(
      directory,
      numbers([4, 0x02014b50], [2, 45], ...kind, [2, named.length], [2, extra.length + wideExtra.length]),
      numbers([2, 0], [2, 0], [2, 0], [4, 0], size(offset)),
      named,
      extra,
      wideExtra,
    );
  }
  const count = Object.keys(entries).length, at = file.length, end64 = at + directory.length;
  const tail = wide
    ? concat(
      numbers([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count]),
      numbers([8, directory.length], [8, at], [4, 0x07064b50], [4, 0], [8, end64], [4, 1]),
    )
    : new Uint8Array(0);
  const counts: [number, number] = [2, wide ? 0xffff : count];
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], counts, counts, size(directory.length), size(at), [
    2,
    comment.length,
  ]);
  return concat(file, directory, tail, end, latin1(comment));
}
