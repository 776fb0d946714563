/**
 * What the procedural pictures are made of before light falls on them: colour, relief and gloss for every
 * pixel. Painters fill a material, defects edit it, and `shade` lights both alike, so that a scratch catches
 * the light as the surface around it does. Lengths are in units of 1/256 of the image's side, whatever its size.
 *
 * @module
 */

/** Units to an image side. */
export const SIDE = 256;

/** Red, green, blue in 0..1, as displayed (no gamma is applied). */
export type Color = readonly [number, number, number];

/** A surface seen from above, row-major, `size`² pixels. */
export interface Material {
  /** Pixels a side. */
  readonly size: number;
  /** Units a pixel: 256 / size. */
  readonly unit: number;
  /** [size², 3] unlit colour, 0..1. */
  readonly rgb: Float32Array;
  /** [size²] height towards the viewer, in units. */
  readonly height: Float32Array;
  /** [size²] strength of the mirror-like reflection, 0..1. */
  readonly gloss: Float32Array;
  /** [size²] how much of the pixel belongs to the thing inspected, not to what lies behind it, 0..1. */
  readonly cover: Float32Array;
}

/** A black, flat, dull material without cover. */
export function newMaterial(size: number): Material {
  const n = size * size;
  return {
    size,
    unit: SIDE / size,
    rgb: new Float32Array(3 * n),
    height: new Float32Array(n),
    gloss: new Float32Array(n),
    cover: new Float32Array(n),
  };
}

/** A copy that shares nothing with `m`. */
export function cloneMaterial(m: Material): Material {
  return {
    ...m,
    rgb: m.rgb.slice(),
    height: m.height.slice(),
    gloss: m.gloss.slice(),
    cover: m.cover.slice(),
  };
}

/** Paints pixel i with an opaque colour to the share `a` in 0..1. */
export function mixColor(m: Material, i: number, color: Color, a: number): void {
  const rgb = m.rgb;
  rgb[3 * i] += (color[0] - rgb[3 * i]) * a;
  rgb[3 * i + 1] += (color[1] - rgb[3 * i + 1]) * a;
  rgb[3 * i + 2] += (color[2] - rgb[3 * i + 2]) * a;
}

/** Multiplies the colour of pixel i by `tint`, to the share `a` in 0..1. */
export function tintColor(m: Material, i: number, tint: Color, a: number): void {
  const rgb = m.rgb;
  rgb[3 * i] *= 1 + (tint[0] - 1) * a;
  rgb[3 * i + 1] *= 1 + (tint[1] - 1) * a;
  rgb[3 * i + 2] *= 1 + (tint[2] - 1) * a;
}

/** Covers the whole material with one colour and gloss, as a table or a sheet. */
export function primeMaterial(m: Material, color: Color, gloss: number, cover: number): void {
  for (let i = 0; i < 3 * m.size * m.size; i += 3) m.rgb.set(color, i);
  m.gloss.fill(gloss);
  m.cover.fill(cover);
}

/** Where the lamp stands and what it gives. */
export interface Light {
  /** Unit vector towards the lamp; x to the right, y down, z to the viewer. */
  readonly direction: readonly [number, number, number];
  /** Colour and level of the lamp; white at usual level is [1, 1, 1]. */
  readonly color: Color;
  /** Relative change of brightness from the middle to the right and lower edge. */
  readonly gradient: readonly [number, number];
  /** Relative loss of brightness at the corners. */
  readonly vignette: number;
}

/** Share of the light that comes from everywhere. */
const AMBIENT = 0.35;

/**
 * The material under the light: Blinn–Phong with exponent 32, normals from central differences of the height.
 * @returns [size², 3] brightness, nominally 0..1, not clamped
 */
export function shade(m: Material, light: Light): Float32Array {
  const { size, unit, rgb, height, gloss } = m;
  const [lx, ly, lz] = light.direction;
  const norm = 1 / Math.sqrt(lx * lx + ly * ly + (lz + 1) * (lz + 1));
  const halfX = lx * norm, halfY = ly * norm, halfZ = (lz + 1) * norm;
  const out = new Float32Array(rgb.length);
  const slope = 0.5 / unit;
  const diffuseScale = (1 - AMBIENT) / lz;
  const [red, green, blue] = light.color;
  for (let y = 0; y < size; y++) {
    const up = (y > 0 ? y - 1 : y) * size, down = (y < size - 1 ? y + 1 : y) * size;
    const v = (2 * y + 1) / size - 1;
    for (let x = 0; x < size; x++) {
      const i = y * size + x;
      const left = x > 0 ? i - 1 : i, right = x < size - 1 ? i + 1 : i;
      const hx = (height[right] - height[left]) * slope;
      const hy = (height[down + x] - height[up + x]) * slope;
      const inverse = 1 / Math.sqrt(1 + hx * hx + hy * hy);
      const facing = Math.max(0, (lz - hx * lx - hy * ly) * inverse);
      const diffuse = AMBIENT + diffuseScale * facing;
      let mirror = Math.max(0, (halfZ - hx * halfX - hy * halfY) * inverse);
      mirror *= mirror, mirror *= mirror, mirror *= mirror, mirror *= mirror, mirror *= mirror;
      const glint = gloss[i] * mirror;
      const u = (2 * x + 1) / size - 1;
      const level = 1 + light.gradient[0] * u + light.gradient[1] * v -
        light.vignette * 0.5 * (u * u + v * v);
      out[3 * i] = (rgb[3 * i] * diffuse + glint) * level * red;
      out[3 * i + 1] = (rgb[3 * i + 1] * diffuse + glint) * level * green;
      out[3 * i + 2] = (rgb[3 * i + 2] * diffuse + glint) * level * blue;
    }
  }
  return out;
}
