/** Print on objects: a stroke font with the few signs that are needed, on a grid 2 wide and 4 high. */
import { type Shape, stroke, union } from "./shapes.ts";

/** Lines of each sign, as "x y x y …" from the upper left corner. */
const SIGNS: Readonly<Record<string, readonly string[]>> = {
  A: ["0 4 1 0 2 4", "0.4 2.6 1.6 2.6"],
  D: ["0 0 0 4 1.2 4 2 3 2 1 1.2 0 0 0"],
  R: ["0 4 0 0 1.5 0 2 0.7 2 1.4 1.5 2.1 0 2.1", "1 2.1 2 4"],
  T: ["0 0 2 0", "1 0 1 4"],
  "0": ["0.6 0 1.4 0 2 0.8 2 3.2 1.4 4 0.6 4 0 3.2 0 0.8 0.6 0"],
  "2": ["0 0.8 0.6 0 1.4 0 2 0.8 2 1.4 0 4 2 4"],
  "4": ["1.5 4 1.5 0 0 2.8 2 2.8"],
  "5": ["2 0 0.2 0 0 1.8 1.3 1.7 2 2.4 2 3.3 1.3 4 0 4"],
  "7": ["0 0 2 0 0.8 4"],
};

/**
 * The outline of a line of text.
 * @param u, v its middle, in units
 * @param height of a capital, in units
 * @param halfWidth of the strokes, in units
 */
export function lettering(text: string, u: number, v: number, height: number, halfWidth: number): Shape {
  const scale = height / 4, advance = 3 * scale;
  const left = u - (text.length * advance - scale) / 2;
  return union([...text].flatMap((sign, k) =>
    SIGNS[sign].map((line) => {
      const n = line.split(" ").map(Number);
      return stroke(
        Array.from(
          { length: n.length / 2 },
          (_, p) => [left + k * advance + n[2 * p] * scale, v - height / 2 + n[2 * p + 1] * scale, halfWidth],
        ),
      );
    })
  ));
}
