/**
 * The labelled data set of golden/plus.py: noise, and rectangles as masks.
 *
 * @module
 */
import { join } from "node:path";
import { openCategory } from "../../src/host/dataset.ts";
import type { Category } from "../../src/data/category.ts";
import { encodeGreyPng } from "../../src/data/image.ts";
import golden from "../golden/plus.json" with { type: "json" };
import { picture } from "../data/pictures.ts";

const [width, height] = golden.size;

/** A mask file, white in a rectangle. */
export function rectangle([left, top, right, bottom]: number[], W = width, H = height): Uint8Array {
  const data = Uint8Array.from({ length: W * H }, (_, i) => {
    const x = i % W, y = Math.floor(i / W);
    return x >= left && x < right && y >= top && y < bottom ? 255 : 0;
  });
  return encodeGreyPng({ width: W, height: H, data });
}

/** Writes normal and labelled training images of one category, ROOT itself. */
export async function labelledCategory(root: string): Promise<Category> {
  const put = async (folder: string, name: string, bytes: Uint8Array): Promise<void> => {
    await Deno.mkdir(join(root, folder), { recursive: true });
    await Deno.writeFile(join(root, folder, name), bytes);
  };
  for (let i = 0; i < golden.good; i++) {
    await put("train/good", `${i}.png`, picture(`good/${i}`, width, height));
  }
  for (const [i, box] of golden.defects.entries()) {
    await put("train/bad", `${i}.png`, picture(`bad/${i}`, width, height));
    await put("ground_truth/bad", `${i}_mask.png`, rectangle(box));
  }
  return await openCategory(root, root.split(/[\\/]/).at(-1)!);
}
