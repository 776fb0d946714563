/**
 * How an image is looked at: which squares of S×S pixels are made of it, and where in the map of the whole their maps lie.
 * Pure geometry (docs/method.md §13). An image is a grid of pieces, as a rule of one; the two axes are alike, and each is a
 * row of spans:
 *
 *     image   ──────[from      length]──────      pixels that the piece has of the image
 *     piece   [   [to            size]    ]       where they lie in it, S pixels; beyond, their edge is repeated
 *     map     ─────────[at   extent]───────       what of the map it makes
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { FloatMap, Rect } from "./float_map.ts";
import type { Image, Mask } from "./image.ts";
import { resizeImage, resizeMask } from "./resize.ts";
import { boundsOf, type MaskOfInterest, readRoi, type RegionOfInterest } from "./roi.ts";

/**
 * How what is no square becomes one.
 *
 *     stretch   the aspect ratio is not kept
 *     pad       it is, and the edges are repeated along the shorter side
 *     crop      the square in the middle is looked at
 */
export type Fit = "stretch" | "pad" | "crop";

/** The settings that decide. */
export interface FrameSettings {
  /** How what is no square becomes one. */
  readonly fit: Fit;
  /** The region of interest, as roi.ts reads it. */
  readonly roi: string;
  /** T: what is looked at is cut into tiles of T×T pixels of the image; 0: it is not. */
  readonly tiles: number;
  /** By how many pixels neighbouring tiles overlap at least. */
  readonly overlap: number;
}

/** The same, read. */
export interface Framing extends Omit<FrameSettings, "roi"> {
  /** The region of interest; null for all of an image. */
  readonly roi: RegionOfInterest | null;
}

/** The whole image, stretched. */
export const STRETCH: Framing = { fit: "stretch", roi: null, tiles: 0, overlap: 0 };

/** Reads settings that have been checked. */
export function framingOf({ fit, roi, tiles, overlap }: FrameSettings): Framing {
  const region = readRoi(roi);
  if (region === undefined) throw new RangeError(`Expected a region of interest, but found ${roi}`);
  return { fit, roi: region, tiles, overlap };
}

/** Tiles of an image at most: of 64×64 pixels, more than the largest image has. */
const MOST_PIECES = 2 ** 16;

/** Width and height. */
export type Extent = Pick<Rect, "width" | "height">;

/** What a piece has of an axis, as shown above. */
export interface Span {
  /** Where it begins in the image. */
  readonly from: number;
  /** Pixels of the image. */
  readonly length: number;
  /** Where these begin in the piece. */
  readonly to: number;
  /** Pixels of the piece. */
  readonly size: number;
  /** Where they begin in the map. */
  readonly at: number;
  /** Pixels of the map. */
  readonly extent: number;
}

/** A square of S×S pixels. */
export interface Piece {
  /** What it has from left to right. */
  readonly column: Span;
  /** What it has from top to bottom. */
  readonly row: Span;
}

/** An image of a certain size as it is looked at. */
export interface Frame {
  /** Side of a piece, pixels. */
  readonly S: number;
  /** Size of the image. */
  readonly image: Extent;
  /** What the map covers, whole pixels of the image. */
  readonly area: Rect;
  /** Size of the map. */
  readonly map: Extent;
  /** Spans from left to right; the pieces are pairs of these and `rows`. */
  readonly columns: readonly Span[];
  /** Spans from top to bottom. */
  readonly rows: readonly Span[];
  /** Those that have something to be looked at, row after row. At least one. */
  readonly pieces: readonly Piece[];
  /** By how many pixels of the map neighbours overlap at least. */
  readonly overlap: number;
  /** The region of interest where it is a mask. */
  readonly roi: MaskOfInterest | null;
  /** 1 for pixels of the map that are looked at, 0 for the others; null where all are. */
  readonly inside: Uint8Array | null;
}

/**
 * How an image of a certain size is looked at.
 *
 * @param S pixels a side that pieces have
 * @param name what errors call the image
 * @throws {InputError} where the region of interest does not lie in it, nothing of it is left, or it has too many tiles
 */
export function frameOf(image: Extent, S: number, framing: Framing, name: string): Frame {
  const { fit, roi, tiles: T, overlap } = framing,
    area = areaIn(image, framing, name),
    mask = roi && "mask" in roi ? roi : null;
  const { columns, rows, map } = T > 0 ? tiled(area, S, T, overlap) : single(area, S, fit === "pad");
  if (columns.length * rows.length > MOST_PIECES) {
    throw new InputError(
      `Expected at most ${MOST_PIECES} tiles an image, but found ${columns.length * rows.length} of ` +
        `${T}×${T} pixels in ${name}, ${image.width}×${image.height}. Larger tiles are fewer.`,
    );
  }
  const { width, height } = image, overlapOfMap = Math.round(overlap * Math.min(S, T) / (T || 1));
  const frame = { S, image: { width, height }, area, map, columns, rows, overlap: overlapOfMap, roi: mask };
  const pieces = rows.flatMap((row) => columns.map((column) => ({ column, row })));
  if (mask === null) return { ...frame, pieces, inside: null };
  const inside = insideMask(frame), looked = pieces.filter((piece) => partOf(inside, map, piece).includes(1));
  if (looked.length > 0) return { ...frame, pieces: looked, inside: inside.includes(0) ? inside : null };
  throw new InputError(
    `Expected a region of interest that can be seen on ${name} at ${map.width}×${map.height} pixels, ` +
      "but found nothing of it left",
  );
}

/** What of an image is looked at, whole pixels: what its map covers. @throws {InputError} as `frameOf` */
export function areaIn(image: Extent, { fit, roi }: Framing, name: string): Rect {
  const bounds = boundsOf(roi, image, name);
  return fit === "crop" ? middleSquare(bounds) : bounds;
}

function middleSquare({ x, y, width, height }: Rect): Rect {
  const side = Math.min(width, height);
  return {
    x: x + Math.floor((width - side) / 2),
    y: y + Math.floor((height - side) / 2),
    width: side,
    height: side,
  };
}

type Grid = Pick<Frame, "columns" | "rows" | "map">;

/** One piece. */
function single(area: Rect, S: number, isPadded: boolean): Grid {
  const longest = Math.max(area.width, area.height);
  const span = (from: number, length: number): Span => {
    const size = isPadded ? Math.max(Math.round(S * length / longest), 1) : S;
    return { from, length, to: Math.floor((S - size) / 2), size, at: 0, extent: size };
  };
  const column = span(area.x, area.width), row = span(area.y, area.height);
  return { columns: [column], rows: [row], map: { width: column.size, height: row.size } };
}

/** Tiles of T×T pixels, evenly spaced; where an axis is shorter than T, one in whose middle it lies. */
function tiled(area: Rect, S: number, T: number, overlap: number): Grid {
  const M = Math.min(S, T); // pixels a tile has in the map: no more than it has in the image
  const along = (from: number, length: number): Span[] => {
    if (length <= T) {
      const size = Math.max(Math.round(S * length / T), 1), extent = Math.max(Math.round(M * length / T), 1);
      return [{ from, length, to: Math.floor((S - size) / 2), size, at: 0, extent }];
    }
    const count = Math.ceil((length - overlap) / (T - overlap));
    return Array.from({ length: count }, (_, i) => {
      const begin = Math.round(i * (length - T) / (count - 1)), at = Math.round(begin * M / T);
      return { from: from + begin, length: T, to: 0, size: S, at, extent: M };
    });
  };
  const columns = along(area.x, area.width), rows = along(area.y, area.height);
  const end = ({ at, extent }: Span): number => at + extent;
  return { columns, rows, map: { width: end(columns.at(-1)!), height: end(rows.at(-1)!) } };
}

/** Which pixels of the map a mask looks at. */
function insideMask({ area, map, image, roi }: Omit<Frame, "pieces" | "inside">): Uint8Array {
  const mask = roi!.mask;
  const at = (to: number, offset: number, length: number, whole: number, side: number): Int32Array =>
    Int32Array.from({ length: to }, (_, i) => {
      const pixel = offset + Math.floor((i + 0.5) * length / to);
      return Math.floor((pixel + 0.5) * side / whole);
    });
  const across = at(map.width, area.x, area.width, image.width, mask.width);
  const down = at(map.height, area.y, area.height, image.height, mask.height);
  const inside = new Uint8Array(map.width * map.height);
  down.forEach((row, y) =>
    across.forEach((column, x) => inside[y * map.width + x] = mask.data[row * mask.width + column])
  );
  return inside;
}

/** A piece's part of what has a value for each pixel of the map, [row.extent, column.extent]. */
function partOf(values: Uint8Array, { width }: Extent, { column, row }: Piece): Uint8Array {
  const part = new Uint8Array(column.extent * row.extent);
  for (let y = 0; y < row.extent; y++) {
    const from = (row.at + y) * width + column.at;
    part.set(values.subarray(from, from + column.extent), y * column.extent);
  }
  return part;
}

/** Which pixels of a piece are looked at, [S, S]: those that have something of the image, and of the mask. Null where all are. */
export function insideOf({ S, map, inside }: Frame, piece: Piece): Uint8Array | null {
  const { column, row } = piece;
  if (inside === null && column.size === S && row.size === S) return null;
  const part = inside && partOf(inside, map, piece), out = new Uint8Array(S * S);
  for (let y = 0; y < row.size; y++) {
    const begin = (row.to + y) * S + column.to, from = Math.floor(y * row.extent / row.size) * column.extent;
    for (let x = 0; x < column.size; x++) {
      out[begin + x] = part ? part[from + Math.floor(x * column.extent / column.size)] : 1;
    }
  }
  return out.includes(0) ? out : null;
}

/** What tells pieces of one image apart that are made otherwise than the whole image stretched; null for that. */
export function pieceKey(
  { S, image, roi }: Frame,
  { column, row }: Piece,
): readonly (number | string)[] | null {
  const isWhole = column.length === image.width && row.length === image.height && column.size === S &&
    row.size === S && roi === null;
  if (isWhole) return null;
  const spans = [column, row].flatMap(({ from, length, to, size }) => [from, length, to, size]);
  return roi === null ? spans : [...spans, roi.text];
}

/** What takes the place of pixels that are not looked at: the mean of ImageNet's, near 0 for networks trained on these. */
const FILL = [124, 116, 104];

/** A piece of an image. @returns RGB [S, S, 3] */
export function cutImage(image: Image, { S, roi }: Frame, { column, row }: Piece): Uint8Array {
  const region = crop(image, column, row, 3);
  if (roi !== null) region.data = filled(region, image, roi.mask, column.from, row.from);
  const { data } = resizeImage(region, column.size, row.size);
  return extended(data === image.data ? data.slice() : data, column, row, S);
}

/** A rectangle of an image, of whole pixels. */
export function cropImage(image: Image, { x, y, width, height }: Rect): Image {
  return crop(image, { from: x, length: width }, { from: y, length: height }, 3);
}

/** A mask as large as its image's map; outside of the region of interest it is 0. @returns 0 or 1, [height, width] */
export function maskOf(mask: Mask, { area: { x, y, width, height }, map, inside }: Frame): Uint8Array {
  const region = crop(mask, { from: x, length: width }, { from: y, length: height }, 1);
  const { data } = resizeMask(region, map.width, map.height);
  inside?.forEach((on, i) => data[i] &= on);
  return data;
}

/** A mask's piece; what is not looked at is 0. @returns 0 or 1, [S, S] */
export function cutMask(mask: Mask, frame: Frame, piece: Piece): Uint8Array {
  const { S } = frame, { column, row } = piece;
  const part = resizeMask(crop(mask, column, row, 1), column.size, row.size).data;
  if (column.size === S && row.size === S && frame.inside === null) return part;
  const out = new Uint8Array(S * S), inside = insideOf(frame, piece);
  for (let y = 0; y < row.size; y++) {
    out.set(part.subarray(y * column.size, (y + 1) * column.size), (row.to + y) * S + column.to);
  }
  inside?.forEach((on, i) => out[i] &= on);
  return out;
}

/** The part of a piece's map that is of the image, as large as it is in the map of the whole. @param map [S, S] */
export function partOfMap(map: Float32Array<ArrayBuffer>, S: number, { column, row }: Piece): FloatMap {
  if (column.size === S && row.size === S) return { width: S, height: S, data: map };
  const part = new Float32Array(column.size * row.size);
  for (let y = 0; y < row.size; y++) {
    const begin = (row.to + y) * S + column.to;
    part.set(map.subarray(begin, begin + column.size), y * column.size);
  }
  return { width: column.size, height: row.size, data: part };
}

interface Pixels extends Extent {
  data: Uint8Array;
}

/** A rectangle of an image or mask; the same bytes where it is all of it. @param channels bytes a pixel */
function crop(
  image: Readonly<Pixels>,
  { from: left, length: width }: Pick<Span, "from" | "length">,
  { from: top, length: height }: Pick<Span, "from" | "length">,
  channels: number,
): Pixels {
  if (width === image.width && height === image.height) return { width, height, data: image.data };
  const data = new Uint8Array(width * height * channels), bytes = width * channels;
  for (let y = 0; y < height; y++) {
    const begin = ((top + y) * image.width + left) * channels;
    data.set(image.data.subarray(begin, begin + bytes), y * bytes);
  }
  return { width, height, data };
}

/** A region with what a mask does not look at filled. */
function filled(region: Pixels, image: Extent, mask: Mask, left: number, top: number): Uint8Array {
  const { width, height } = region, data = region.data.slice();
  const across = Int32Array.from(
    { length: width },
    (_, x) => Math.floor((left + x + 0.5) * mask.width / image.width),
  );
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor((top + y + 0.5) * mask.height / image.height) * mask.width;
    for (let x = 0; x < width; x++, i += 3) if (mask.data[row + across[x]] === 0) data.set(FILL, i);
  }
  return data;
}

/** What a piece has of an image on S×S pixels, its edge repeated around it. */
function extended(data: Uint8Array, column: Span, row: Span, S: number): Uint8Array {
  if (column.size === S && row.size === S) return data;
  const out = new Uint8Array(S * S * 3),
    within = (i: number, size: number) => Math.min(Math.max(i, 0), size - 1);
  for (let y = 0, i = 0; y < S; y++) {
    const begin = within(y - row.to, row.size) * column.size;
    for (let x = 0; x < S; x++, i += 3) {
      const from = 3 * (begin + within(x - column.to, column.size));
      out.set(data.subarray(from, from + 3), i);
    }
  }
  return out;
}
