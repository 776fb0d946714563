/**
 * One procedural picture and the exact mask of its defect: paint, light, compare, add the sensor's noise. The
 * normal and the flawed picture of one seed share everything but the defect, and pixels outside of the mask
 * are the same bytes.
 *
 * @module
 */
import { InputError } from "../../errors.ts";
import { mix32, Random } from "../../hash.ts";
import type { Image, Mask } from "../image.ts";
import { categories } from "./catalogue.ts";
import type { Category, Fault } from "./category.ts";
import { cloneMaterial, type Light, type Material, newMaterial, shade } from "./material.ts";

/** Names of the categories, textures first. */
export const proceduralCategories: readonly string[] = Object.keys(categories);

/** Sides that can be drawn, in pixels. */
export const SIZES = { least: 32, most: 4096 } as const;

function categoryOf(name: string): Category {
  if (!Object.hasOwn(categories, name)) {
    throw new InputError(
      `Expected a procedural category (${proceduralCategories.join(", ")}), but found "${name}"`,
    );
  }
  return categories[name];
}

/**
 * Names of a category's defects, sorted.
 * @throws InputError for an unknown category
 */
export function defectsOf(category: string): readonly string[] {
  const { faults, flaws } = categoryOf(category);
  return [...faults, ...Object.keys(flaws)].sort();
}

/** What to draw. */
export interface SampleOptions {
  /** One of `proceduralCategories`. */
  readonly category: string;
  /** Pixels a side, 32..4096. */
  readonly size: number;
  /** Fixes specimen, pose, light, noise and defect. */
  readonly seed: number;
  /** One of `defectsOf(category)`; none for a normal picture. */
  readonly defect?: string;
}

/** A picture. */
export interface Sample {
  /** RGB. */
  readonly image: Image;
  /** There where a defect was asked for: 1 where it changed the picture. */
  readonly mask?: Mask;
}

/** Least change of a channel that counts as visible, of 1. */
const VISIBLE = 4 / 255;
/** Standard deviation of the sensor's noise, of 1. */
const SENSOR_NOISE = 1.6 / 255;
/** Share of the pixels that a defect may change. */
const LEAST_AREA = 0.0008, MOST_AREA = 0.25;
/** Below this side, pictures are drawn larger and averaged, so that fine patterns don't alias. */
const LEAST_DRAWN = 128;

function drawLight(random: Random): Light {
  const angle = -2.2 + random.range(-0.12, 0.12), elevation = random.range(0.85, 0.95);
  const level = random.range(0.95, 1.05), warmth = random.range(-0.015, 0.015);
  return {
    direction: [
      Math.cos(elevation) * Math.cos(angle),
      Math.cos(elevation) * Math.sin(angle),
      Math.sin(elevation),
    ],
    color: [level * (1 + warmth), level, level * (1 - warmth)],
    gradient: [random.range(-0.04, 0.04), random.range(-0.04, 0.04)],
    vignette: random.range(0.03, 0.08),
  };
}

/** Clips to 0..1 and averages squares of `factor`² pixels: [(size·factor)², 3] to [size², 3]. */
function capture(rgb: Float32Array, size: number, factor: number): Float32Array {
  const out = new Float32Array(3 * size * size), wide = size * factor, share = 1 / (factor * factor);
  for (let y = 0, from = 0; y < wide; y++) {
    for (let x = 0; x < wide; x++, from += 3) {
      const to = 3 * (Math.floor(y / factor) * size + Math.floor(x / factor));
      for (let c = 0; c < 3; c++) out[to + c] += share * Math.min(1, Math.max(0, rgb[from + c]));
    }
  }
  return out;
}

/** Where the two pictures visibly differ, without single dots, with pinholes of a faint change filled. */
function compare(normal: Float32Array, flawed: Float32Array, size: number): Uint8Array {
  const change = new Float32Array(size * size), raw = new Uint8Array(size * size);
  for (let i = 0; i < raw.length; i++) {
    for (let c = 3 * i; c < 3 * i + 3; c++) change[i] = Math.max(change[i], Math.abs(normal[c] - flawed[c]));
    if (change[i] >= VISIBLE) raw[i] = 1;
  }
  const mask = raw.slice();
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      const i = y * size + x;
      const around = raw[i - size - 1] + raw[i - size] + raw[i - size + 1] + raw[i - 1] + raw[i + 1] +
        raw[i + size - 1] + raw[i + size] + raw[i + size + 1];
      if (around === 0) mask[i] = 0;
      else if (around >= 6 && change[i] >= VISIBLE / 4) mask[i] = 1;
    }
  }
  return mask;
}

/** Adds the sensor's noise (grey, and a little of it coloured) and rounds to bytes. */
function expose(rgb: Float32Array, seed: number): Uint8Array {
  const out = new Uint8Array(rgb.length);
  // The sum of four bytes of a hash is near enough to a normal distribution: mean 510, deviation 147.8.
  const scale = 255 * SENSOR_NOISE / 147.8;
  for (let i = 0, k = seed; i < rgb.length; i += 3, k = (k + 2) | 0) {
    const h = mix32(k), g = mix32(k + 1);
    const grey = ((h & 255) + (h >>> 8 & 255) + (h >>> 16 & 255) + (h >>> 24) - 510) * scale;
    for (let c = 0; c < 3; c++) {
      const tinted = ((g >>> 8 * c & 255) - 127.5) * scale;
      out[i + c] = Math.max(0, Math.min(255, Math.round(255 * rgb[i + c] + grey + tinted)));
    }
  }
  return out;
}

/**
 * Draws a picture.
 *
 * @throws InputError for an unknown category or defect, or a size that is not a whole number in 32..4096
 */
export function drawSample({ category: name, size, seed, defect }: SampleOptions): Sample {
  const category = categoryOf(name);
  if (!Number.isInteger(size) || size < SIZES.least || size > SIZES.most) {
    throw new InputError(
      `Expected an image size of ${SIZES.least} to ${SIZES.most} pixels a side, but found ${size}`,
    );
  }
  if (defect !== undefined && !defectsOf(name).includes(defect)) {
    throw new InputError(
      `Expected a defect of ${name} (${defectsOf(name).join(", ")}), but found "${defect}"`,
    );
  }

  const factor = Math.ceil(LEAST_DRAWN / size);
  const light = drawLight(new Random(seed, `${name}/light`));
  const lit = (m: Material): Float32Array => capture(shade(m, light), size, factor);
  const specimen = (m: Material, fault?: Fault) =>
    category.paint(m, new Random(seed, `${name}/scene`), fault);

  const material = newMaterial(size * factor);
  const frame = specimen(material);
  const picture = lit(material);
  const sensor = new Random(seed, `${name}/sensor`).bits();
  const finish = (): Image => ({ width: size, height: size, data: expose(picture, sensor) });
  if (defect === undefined) return { image: finish() };

  // A defect that came out too small or too large (cut off by the border, say) is drawn anew.
  for (let attempt = 0; attempt < 20; attempt++) {
    const random = new Random(seed, `${name}/${defect}/${attempt}`);
    let flawed: Material;
    if (category.faults.includes(defect)) {
      flawed = newMaterial(size * factor);
      specimen(flawed, { name: defect, random });
    } else {
      flawed = cloneMaterial(material);
      category.flaws[defect](flawed, frame, random);
    }
    const changed = lit(flawed);
    const data = compare(picture, changed, size);
    const area = data.reduce((sum, on) => sum + on, 0) / data.length;
    if (area < LEAST_AREA || area > MOST_AREA) continue;
    for (let i = 0; i < picture.length; i++) if (data[Math.floor(i / 3)]) picture[i] = changed[i];
    return { image: finish(), mask: { width: size, height: size, data } };
  }
  throw new Error(`No visible ${defect} on ${name} in 20 attempts (seed ${seed}, size ${size})`);
}
