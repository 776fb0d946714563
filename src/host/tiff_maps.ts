/**
 * Anomaly maps for the MVTec evaluation scripts: OUT/CATEGORY/test/DEFECT/STEM.tiff, each of its image's own size. OUT is
 * what they take as --anomaly_maps_dir.
 *
 * @module
 */
import { dirname, join, parse } from "node:path";
import { isCifar } from "./cifar_images.ts";
import { imageSize } from "../data/decode.ts";
import { type FloatMap, type Rect, resizeMap } from "../data/float_map.ts";
import { InputError } from "../errors.ts";
import { makeFolder, readWhole, removeUnfinished, writeWhole } from "./files.ts";
import { encodeFloatTiff } from "../report/tiff.ts";

/** The folder that commands write them to. */
export const TIFF_MAPS = "anomaly_maps";

/** A test image. */
export interface TiffImage {
  path: string;
  /** The name of the folder in `test`. */
  defect: string;
}

/** A test image and its map. */
export interface TiffMap extends TiffImage {
  /** Of any size. */
  map: FloatMap;
  /** What of the image it covers, all of it by default; the rest gets its lowest value. */
  area?: Rect;
}

/**
 * Where each image's map goes in a category's folder. What can't be written is told here, before there are maps.
 *
 * @throws {InputError} where an image is no file, or two maps would have one name
 */
export function tiffPaths(images: readonly TiffImage[]): string[] {
  const owner = new Map<string, string>();
  for (const { path, defect } of images) {
    if (isCifar(path)) {
      throw new InputError(`Expected image files to write TIFFs of their sizes for, but found ${path}`);
    }
    const file = join("test", defect, `${parse(path).name}.tiff`), other = owner.get(file);
    if (other !== undefined) {
      throw new InputError(`Expected images whose names differ before the dot, but found ${other}, ${path}`);
    }
    owner.set(file, path);
  }
  return [...owner.keys()];
}

/**
 * Writes maps at their images' sizes.
 *
 * @throws {InputError} where an image can't be read or a file can't be written; and as `tiffPaths` does
 */
export async function writeTiffMaps(
  out: string,
  category: string,
  maps: readonly TiffMap[],
): Promise<void> {
  for (const [i, name] of tiffPaths(maps).entries()) {
    const { path, map, area } = maps[i], file = join(out, category, name);
    const { width, height } = await imageSize(await readWhole(path), path);
    await makeFolder(dirname(file));
    await writeWhole(
      file,
      (write) =>
        write(
          encodeFloatTiff(placed(map, area ?? { x: 0, y: 0, width, height }, width, height), width, height),
        ),
    );
  }
}

/** Removes what a program that was killed left of a category's maps: for who alone writes there. */
export async function removeUnfinishedMaps(
  out: string,
  category: string,
  images: readonly Pick<TiffImage, "defect">[],
): Promise<void> {
  for (const defect of new Set(images.map(({ defect }) => defect))) {
    await removeUnfinished(join(out, category, "test", defect));
  }
}

/** A map on its image's pixels, [height, width]. */
function placed(map: FloatMap, area: Rect, width: number, height: number): Float32Array<ArrayBuffer> {
  const { data } = resizeMap(map, area.width, area.height);
  if (area.width === width && area.height === height) return data;
  const whole = new Float32Array(width * height).fill(map.data.reduce((a, b) => Math.min(a, b)));
  for (let y = 0; y < area.height; y++) {
    whole.set(data.subarray(y * area.width, (y + 1) * area.width), (area.y + y) * width + area.x);
  }
  return whole;
}
