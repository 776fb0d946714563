/**
 * Which way up a picture is: what EXIF and TIFF say of it, and samples brought upright.
 *
 * @module
 */
import type { Samples } from "./samples.ts";

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What EXIF begins with in a JPEG, and in a WebP of some writers. */
export const EXIF = "Exif\0\0";
/** The tag of orientation, and the type of its value, a number of two bytes. */
const ORIENTATION = 0x112, SHORT = 3;
/** Orientations whose stored columns, or rows, run against those of the upright picture. */
const COLUMNS_BACK = [2, 3, 7, 8], ROWS_BACK = [3, 4, 6, 7];

/**
 * The orientation that a block of EXIF holds: 1 where it is upright, doesn't say, or is damaged, as viewers do.
 *
 * @param exif from its byte order (`II` or `MM`) on
 * @returns 1 to 8
 */
export function exifOrientation(exif: Uint8Array): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.length);
  if (exif.length < 14) return 1;
  const order = view.getUint16(0), little = order === 0x4949;
  if (!little && order !== 0x4d4d) return 1;
  const at = view.getUint32(4, little);
  const count = at + 2 <= exif.length ? view.getUint16(at, little) : 0;
  for (let entry = at + 2; entry < at + 2 + 12 * count && entry + 12 <= exif.length; entry += 12) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    return view.getUint16(entry + 2, little) === SHORT ? known(view.getUint16(entry + 8, little)) : 1;
  }
  return 1;
}

/** An orientation's number; 1 for what is none. */
export function known(orientation: number): number {
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** The upright size of what is stored in another orientation. */
export function uprightSize({ width, height }: Size, orientation: number): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Samples brought upright; as they are where they are upright. */
export function upright<T extends Pick<Samples, "width" | "height" | "stride" | "data">>(
  stored: T,
  orientation: number,
): T {
  if (orientation === 1) return stored;
  const { width, height, stride, data } = stored, size = uprightSize(stored, orientation);
  const out = new (data.constructor as Uint8ArrayConstructor)(data.length);
  const columnsBack = COLUMNS_BACK.includes(orientation), rowsBack = ROWS_BACK.includes(orientation);
  const column = columnsBack ? -stride : stride, row = (rowsBack ? -stride : stride) * width;
  const first = stride * ((rowsBack ? height - 1 : 0) * width + (columnsBack ? width - 1 : 0));
  const [right, down] = orientation >= 5 ? [row, column] : [column, row]; // steps of the upright picture
  for (let y = 0, to = 0; y < size.height; y++) {
    for (let x = 0, from = first + y * down; x < size.width; x++, from += right) {
      for (let c = 0; c < stride; c++) out[to++] = data[from + c];
    }
  }
  return { ...stored, ...size, data: out };
}
