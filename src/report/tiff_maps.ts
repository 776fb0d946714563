/**
 * Anomaly maps for the MVTec evaluation scripts: OUT/CATEGORY/test/DEFECT/STEM.tiff, each of its image's own size.
 *
 * @module
 */
import { join, parse } from "node:path";
import { imageSize } from "../data/decode.ts";
import { InputError } from "../errors.ts";
import { readWhole, writeWhole } from "../files.ts";
import { encodeFloatTiff } from "./tiff.ts";

/** A test image and its map. */
export interface TiffMap {
  path: string;
  /** The name of the folder in `test`. */
  defect: string;
  /** [S, S] */
  map: Float32Array;
}

/**
 * Writes maps at their images' sizes.
 *
 * @param S pixels a side of the maps
 * @throws {InputError} where an image can't be read, a file can't be written, or two maps would have one name
 */
export async function writeTiffMaps(
  out: string,
  category: string,
  maps: Iterable<TiffMap>,
  S: number,
): Promise<void> {
  const owner = new Map<string, string>();
  for (const { path, defect, map } of maps) {
    const folder = join(out, category, "test", defect), file = join(folder, `${parse(path).name}.tiff`);
    const other = owner.get(file);
    if (other !== undefined) {
      throw new InputError(`Expected images whose names differ before the dot, but found ${other}, ${path}`);
    }
    owner.set(file, path);
    const { width, height } = await imageSize(await readWhole(path), path);
    await Deno.mkdir(folder, { recursive: true });
    await writeWhole(
      file,
      (write) => write(encodeFloatTiff(resizeMap(map, S, width, height), width, height)),
    );
  }
}

/**
 * A map at another size, by bilinear interpolation between the centres of its pixels: what a pixel of the resized image
 * was scored with comes to lie where that pixel came from (torch.nn.functional.interpolate, align_corners=False).
 *
 * @param map [S, S]
 * @returns [height, width]
 */
export function resizeMap(map: Float32Array, S: number, width: number, height: number): Float32Array {
  const across = sources(S, width), out = new Float32Array(width * height);
  for (const [y, { low, high, fraction }] of sources(S, height).entries()) {
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, fraction: t } = across[x];
      const above = map[low * S + left] + t * (map[low * S + right] - map[low * S + left]);
      const below = map[high * S + left] + t * (map[high * S + right] - map[high * S + left]);
      out[y * width + x] = above + fraction * (below - above);
    }
  }
  return out;
}

/** For each pixel of an axis the two of the map that it lies between. */
function sources(S: number, length: number): { low: number; high: number; fraction: number }[] {
  return Array.from({ length }, (_, i) => {
    const at = Math.max((i + 0.5) * S / length - 0.5, 0), low = Math.min(Math.floor(at), S - 1);
    return { low, high: Math.min(low + 1, S - 1), fraction: at - low };
  });
}
