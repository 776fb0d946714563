/**
 * Flaws that any surface can have. Each edits a painted material (colour, relief, gloss) at a random place;
 * which pixels that changed is found afterwards by comparing the lit pictures, so the masks are exact.
 * Films (stains, rust, …) keep to the thing inspected; bodies lying on top of it do not.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { type Color, type Material, mixColor, SIDE, tintColor } from "./material.ts";
import { hash01, noiseField, smoothstep } from "./noise.ts";
import { blob, fill, type Frame, wandering, zigzag } from "./shapes.ts";

/** Edits the material in the object's frame. */
export type Defect = (m: Material, frame: Frame, random: Random) => void;

/** Chooses where in the frame a defect lies, in units. */
export type Place = (random: Random) => readonly [number, number];

/** Lowest and highest of something chosen at random. */
export type Span = readonly [number, number];

/** Anywhere on a textured sheet (image frame) but its very border. */
export const anywhere: Place = (random) => [random.range(40, SIDE - 40), random.range(40, SIDE - 40)];

/** In a ring around the frame's origin. */
export function inRing(inner: number, outer: number): Place {
  return (random) => {
    const angle = random.range(0, 2 * Math.PI), radius = random.range(inner, outer);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  };
}

/** In a rectangle around (u, v). */
export function inBox(u: number, v: number, halfU: number, halfV: number): Place {
  return (random) => [u + random.range(-halfU, halfU), v + random.range(-halfV, halfV)];
}

/** A groove: lighter or darker `color`, `width` units wide. */
export function scratch(place: Place, length: Span, width: Span, color: Color, strength = 0.8): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const half = random.range(...width) / 2;
    const line = wandering(random, u, v, random.range(...length), half, 0.15);
    fill(m, frame, line, (i, a) => {
      mixColor(m, i, color, a * strength * m.cover[i]);
      m.height[i] -= 1.5 * half * a * m.cover[i];
    });
  };
}

/** A round hole with a raised rim that shows `color` at its bottom. */
export function hole(place: Place, radius: Span, color: Color): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius);
    fill(m, frame, blob(random, u, v, r, r * random.range(0.75, 1), 0.25), (i, a, _u, _v, d) => {
      m.height[i] += 2.5 * a - 6 * smoothstep(0, -0.5 * r, d);
      mixColor(m, i, color, 0.95 * smoothstep(0.05 * r, -0.3 * r, d));
      m.gloss[i] *= 1 - a;
    }, 0.3 * r);
  };
}

/** A slit whose lips gape. */
export function cut(place: Place, length: Span, width: Span, color: Color): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const half = random.range(...width) / 2;
    fill(m, frame, wandering(random, u, v, random.range(...length), half, 0.2), (i, a, _u, _v, d) => {
      m.height[i] += 2.5 * a - 7 * smoothstep(0, -0.6 * half, d);
      mixColor(m, i, color, 0.95 * smoothstep(0.3, -0.5 * half, d));
      m.gloss[i] *= 1 - a;
    }, 2.5);
  };
}

/** A crack with `branches` that part at its middle. */
export function crack(place: Place, length: Span, width: Span, color: Color, branches = 3): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const angle = random.range(0, 2 * Math.PI), half = random.range(...width) / 2;
    for (let k = 0; k < branches; k++) {
      const heading = angle + 2 * Math.PI * (k + random.range(-0.2, 0.2)) / branches;
      fill(m, frame, zigzag(random, u, v, random.range(...length) / 2, half, heading), (i, a) => {
        const share = a * m.cover[i];
        mixColor(m, i, color, 0.9 * share);
        m.height[i] -= 3 * share;
        m.gloss[i] *= 1 - share;
      });
    }
  };
}

/** A blow's hollow: the surface is pressed in, unbroken. */
export function dent(place: Place, radius: Span, depth: number): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius);
    fill(m, frame, blob(random, u, v, r, r * random.range(0.55, 0.9), 0.15), (i, _a, _u, _v, d) => {
      const hollow = smoothstep(0, -0.6 * r, d) * m.cover[i];
      m.height[i] -= depth * hollow;
      tintColor(m, i, [0.8, 0.8, 0.8], hollow);
    });
  };
}

/** A dried liquid: a tint with a soft, uneven inside and a stronger edge. */
export function stain(place: Place, radius: Span, tint: Color, gloss = 0): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius);
    const clouds = noiseField(m.size, 14, 0.3, random.bits(), 2);
    fill(m, frame, blob(random, u, v, r, r * random.range(0.6, 1), 0.5), (i, a, _u, _v, d) => {
      const edge = Math.exp(-((d + 0.12 * r) ** 2) / (0.012 * r * r));
      const share = a * m.cover[i] * Math.min(1, Math.max(0.3, 0.65 + clouds[i] + 0.3 * edge));
      tintColor(m, i, tint, share);
      m.gloss[i] += gloss * share;
    }, 0.14 * r);
  };
}

/** A patch of another hue, as from a dye or a bleach: each channel multiplied by one of the tints. */
export function discolor(place: Place, radius: Span, tints: readonly Color[]): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius), tint = tints[random.below(tints.length)];
    const shape = blob(random, u, v, r, r * random.range(0.5, 1), 0.4);
    fill(m, frame, shape, (i, a) => tintColor(m, i, tint, a * m.cover[i]), 0.25 * r);
  };
}

/** A thread or hair lying on top, with its shadow. */
export function fibre(place: Place, length: Span, width: Span, colors: readonly Color[]): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const half = random.range(...width) / 2, color = colors[random.below(colors.length)];
    const line = wandering(random, u, v, random.range(...length), half, 1);
    const shadow = { ...frame, x: frame.x + 1.2 * half, y: frame.y + 1.2 * half };
    fill(m, shadow, line, (i, a) => tintColor(m, i, [0.6, 0.6, 0.62], a), 1.5 * half);
    const ground = m.height.slice();
    fill(m, frame, line, (i, a, fu, fv, d) => {
      const dome = Math.sqrt(Math.max(0, -d * (2 * half + d))) / half;
      const twist = 0.9 + 0.1 * Math.sin((fu + fv) * 1.6 / half);
      mixColor(m, i, [color[0] * twist, color[1] * twist, color[2] * twist], a);
      m.height[i] += (0.5 * ground[i] + half * (1 + dome) - ground[i]) * a;
      m.gloss[i] += (0.08 - m.gloss[i]) * a;
    });
  };
}

/** Crumbs: one or more lumps of a foreign stuff, with their shadow. */
export function contamination(
  place: Place,
  radius: Span,
  colors: readonly Color[],
  count: Span,
  gloss = 0.1,
): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const color = colors[random.below(colors.length)], grain = random.bits();
    const rough = noiseField(m.size, 4, 0.8, random.bits(), 2);
    for (let k = Math.round(random.range(...count)); k > 0; k--) {
      const r = random.range(...radius), spread = k === 1 ? 0 : 2.2 * radius[1];
      const p = u + random.range(-spread, spread), q = v + random.range(-spread, spread);
      const lump = blob(random, p, q, r, r * random.range(0.55, 1), 0.6);
      const shadow = { ...frame, x: frame.x + 0.22 * r, y: frame.y + 0.22 * r };
      fill(m, shadow, lump, (i, a) => tintColor(m, i, [0.62, 0.62, 0.64], a), 0.3 * r);
      fill(m, frame, lump, (i, a, _u, _v, d) => {
        const shade = 0.85 + 0.3 * hash01(k, Math.round(8 * rough[i]), grain);
        mixColor(m, i, [color[0] * shade, color[1] * shade, color[2] * shade], a);
        m.height[i] += a * (Math.min(4, 0.8 * Math.sqrt(Math.max(0, -d) * r)) + 1.5 * rough[i]);
        m.gloss[i] += (gloss - m.gloss[i]) * a;
      });
    }
  };
}

/** A drop or strip of clear, slightly yellow glue that evens out the relief below it. */
export function glue(place: Place, radius: Span, aspect: Span): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius);
    fill(m, frame, blob(random, u, v, r * random.range(...aspect), r, 0.35), (i, a, _u, _v, d) => {
      mixColor(m, i, [0.86, 0.83, 0.72], 0.42 * a);
      m.height[i] = m.height[i] * (1 - 0.8 * a) + a * (1 + 4 * smoothstep(0, -0.7 * r, d));
      m.gloss[i] += (0.75 - m.gloss[i]) * a;
    });
  };
}

/** Wiped while soft: everything in a patch is averaged along one direction. */
export function smear(place: Place, radius: Span, reach: number): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius), angle = random.range(0, 2 * Math.PI);
    const rgb = m.rgb.slice(), height = m.height.slice();
    const taps = 9, { size } = m;
    const stepX = Math.cos(angle) * reach / taps / m.unit, stepY = Math.sin(angle) * reach / taps / m.unit;
    const clamp = (k: number): number => Math.min(size - 1, Math.max(0, Math.round(k)));
    fill(m, frame, blob(random, u, v, r * 1.4, r, 0.3), (i, a) => {
      const x = i % size, y = (i - x) / size, share = a * m.cover[i];
      let red = 0, green = 0, blue = 0, relief = 0;
      for (let t = -taps; t <= taps; t++) {
        const j = clamp(y + t * stepY) * size + clamp(x + t * stepX);
        red += rgb[3 * j], green += rgb[3 * j + 1], blue += rgb[3 * j + 2], relief += height[j];
      }
      const n = 2 * taps + 1;
      mixColor(m, i, [red / n, green / n, blue / n], share);
      m.height[i] += (relief / n - m.height[i]) * share;
    }, 0.2 * r);
  };
}

/** Corrosion: mottled orange-brown, matt and rough. */
export function rust(place: Place, radius: Span): Defect {
  return (m, frame, random) => {
    const [u, v] = place(random);
    const r = random.range(...radius);
    const mottle = noiseField(m.size, 8, 0.5, random.bits(), 3);
    fill(m, frame, blob(random, u, v, r, r * random.range(0.6, 1), 0.7), (i, a, _u, _v, d) => {
      const share = m.cover[i] * a * smoothstep(-0.5, 0.1, mottle[i] - 0.6 * d / r);
      const t = 0.5 + 0.5 * mottle[i];
      mixColor(m, i, [0.38 + 0.3 * t, 0.17 + 0.2 * t, 0.07 + 0.1 * t], 0.92 * share);
      m.height[i] += mottle[i] * 1.5 * share;
      m.gloss[i] *= 1 - share;
    }, 0.2 * r);
  };
}
