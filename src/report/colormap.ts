/**
 * Colours for scores. The map is made here, in Oklab (B. Ottosson, "A perceptual color space for image processing",
 * 2020): lightness rises evenly from end to end, so that equal steps of a score look like equal steps and the
 * picture still reads in grey; the hue goes from blue through magenta and orange to yellow, as in matplotlib's "plasma".
 *
 * @module
 */

/** Lightness, chroma and hue in degrees at evenly spaced strengths; chroma keeps within what sRGB can show. */
const KNOTS = [
  [0.16, 0.10, 280],
  [0.32, 0.17, 295],
  [0.48, 0.21, 330],
  [0.64, 0.21, 385],
  [0.80, 0.145, 425],
  [0.96, 0.11, 465],
];

/** Entries of `COLORMAP`. */
export const COLORS = 256;

/** [COLORS, 3] sRGB bytes, from no strength to full strength. */
export const COLORMAP: Uint8Array = new Uint8Array(COLORS * 3);
for (let i = 0; i < COLORS; i++) {
  const at = i / (COLORS - 1) * (KNOTS.length - 1), knot = Math.min(Math.floor(at), KNOTS.length - 2);
  const [lightness, chroma, hue] = KNOTS[knot].map((low, k) =>
    low + (KNOTS[knot + 1][k] - low) * (at - knot)
  );
  COLORMAP.set(oklchToRgb(lightness, chroma, hue), i * 3);
}

/** Oklch to sRGB bytes, clipped to the gamut. */
function oklchToRgb(lightness: number, chroma: number, hue: number): number[] {
  const a = chroma * Math.cos(hue * Math.PI / 180), b = chroma * Math.sin(hue * Math.PI / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
  return linear.map((v) => {
    const clipped = Math.min(Math.max(v, 0), 1);
    return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
  });
}
