/**
 * TIFF files of one channel of 32-bit floats, as the MVTec evaluation reads anomaly maps: little-endian, uncompressed,
 * one strip.
 *
 * @module
 */

const SHORT = 3, LONG = 4; // types of tags
const HEADER = 8, ENTRY = 12;

/**
 * A TIFF file.
 *
 * @param data [height, width]
 * @throws {RangeError} where it is of another size
 */
export function encodeFloatTiff(data: Float32Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  if (data.length !== width * height) {
    throw new RangeError(`Expected ${width}×${height} values, but found ${data.length}`);
  }
  const tags: [tag: number, type: number, value: number][] = [
    [256, LONG, width],
    [257, LONG, height],
    [258, SHORT, 32], // BitsPerSample
    [259, SHORT, 1], // Compression: none
    [262, SHORT, 1], // PhotometricInterpretation: larger is lighter
    [273, LONG, 0], // StripOffsets, set below
    [277, SHORT, 1], // SamplesPerPixel
    [278, LONG, height], // RowsPerStrip
    [279, LONG, 4 * data.length], // StripByteCounts
    [339, SHORT, 3], // SampleFormat: IEEE floats
  ];
  const directory = 2 + ENTRY * tags.length + 4, start = Math.ceil((HEADER + directory) / 4) * 4;
  const bytes = new Uint8Array(start + 4 * data.length), view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, HEADER, 0, 0, 0, tags.length, 0]);
  tags.forEach(([tag, type, value], i) => {
    const at = HEADER + 2 + ENTRY * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true); // one value
    view.setUint32(at + 8, tag === 273 ? start : value, true); // a SHORT fills the lower half
  });
  data.forEach((value, i) => view.setFloat32(start + 4 * i, value, true));
  return bytes;
}
