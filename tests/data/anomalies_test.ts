/**
 * Synthetic anomalies: confetti against its definition in docs/method.md §5, number by number; masks that are exact;
 * the same anomalies from the same seed.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Anomaly } from "../../src/data/anomalies/anomaly.ts";
import { ANOMALIES } from "../../src/data/anomalies/catalogue.ts";
import { confetti, type ConfettiSquare, confettiSquares } from "../../src/data/anomalies/confetti.ts";
import { cutpaste } from "../../src/data/anomalies/cutpaste.ts";
import { perlin, perlinNoise } from "../../src/data/anomalies/perlin.ts";
import { drawTexture } from "../../src/data/anomalies/texture.ts";
import { Random } from "../../src/hash.ts";
import { label8 } from "../../src/metrics/components.ts";
import { fill } from "../fill.ts";

const random = (i: number) => new Random(i, "anomalies test");
const noisy = (S: number): Uint8Array => Uint8Array.from(fill("noisy image", 3 * S * S, 0, 256));

/** Fails where a sample does not follow a distribution: Kolmogorov and Smirnov's test, p about 1e-4. */
function assertDistributed(sample: number[], cumulative: (x: number) => number): void {
  const sorted = sample.toSorted((a, b) => a - b), n = sorted.length;
  const distance = Math.max(
    ...sorted.map((x, i) => Math.max(cumulative(x) - i / n, (i + 1) / n - cumulative(x))),
  );
  assert.ok(distance < 2.2 / Math.sqrt(n), `distance ${distance} of ${n} values`);
}
const uniform = (low: number, high: number) => (x: number) =>
  Math.min(Math.max((x - low) / (high - low), 0), 1);

const isBlack = ({ shift }: ConfettiSquare) => shift.every((s) => s === -255);

for (const S of [240, 32]) {
  const draws = Array.from({ length: 5000 }, (_, i) => confettiSquares(S, random(i)));
  const squares = draws.flat();

  Deno.test(`confetti at ${S}: Poisson numbers of coloured and black squares, at least one in all`, () => {
    const counts = { coloured: [1.04, (s: ConfettiSquare) => !isBlack(s)], black: [0.69, isBlack] } as const;
    for (const [mean, kind] of Object.values(counts)) {
      // Without the draws that have none of both, which are drawn again.
      const none = Math.exp(-1.04 - 0.69);
      for (let count = 0, p = Math.exp(-mean); count < 5; p *= mean / ++count) {
        const wanted = (count === 0 ? p - none : p) / (1 - none);
        const found = draws.filter((squares) => squares.filter(kind).length === count).length / draws.length;
        const deviation = Math.sqrt(wanted * (1 - wanted) / draws.length);
        assert.ok(Math.abs(found - wanted) < 4 * deviation, `${count}: ${found}, not ${wanted}`);
      }
    }
    assert.ok(draws.every((squares) => squares.length >= 1));
  });

  Deno.test(`confetti at ${S}: side, turn, place and shifts`, () => {
    assertDistributed(squares.map(({ width }) => width), uniform(8 * S / 240, 54 * S / 240));
    assertDistributed(squares.map(({ angle }) => angle), uniform(-Math.PI / 4, Math.PI / 4));
    for (const axis of ["x", "y"] as const) {
      const places = squares.map((square) => square[axis]);
      assert.ok(places.every((v) => v % 1 === 0.5 && v > 0 && v < S));
      assertDistributed(places.map((v, i) => v - 0.5 + (i * Math.SQRT2) % 1), uniform(0, S));
    }
    const coloured = squares.filter((square) => !isBlack(square)).map(({ shift }) => shift);
    for (const c of [0, 1, 2]) {
      const shifts = coloured.map((shift) => shift[c]);
      assert.ok(shifts.every((s) => Number.isInteger(s) && s >= -256 && s <= -1));
      assert.ok(shifts.includes(-256) && shifts.includes(-1));
      assertDistributed(shifts.map((s, i) => s + (i * Math.SQRT2) % 1), uniform(-256, 0));
    }
    // Each channel has a shift of its own.
    const equal = coloured.filter(([r, g, b]) => r === g || g === b).length / coloured.length;
    assert.ok(equal < 0.02, `${equal}`);
    assert.ok(squares.every(({ width, height }) => width === height));
  });
}

Deno.test("confetti paints its squares: their area, their turn, their shifts added and clamped", () => {
  const S = 120, image = new Uint8Array(3 * S * S).fill(200);
  let compared = 0;
  for (let i = 0; i < 300; i++) {
    const squares = confettiSquares(S, random(i)), [{ x, y, width, angle, shift }] = squares;
    const anomaly = confetti(image, S, random(i));
    const at = Math.floor(y) * S + Math.floor(x), pixel = [...anomaly.image.subarray(3 * at, 3 * at + 3)];
    const inside = width / Math.SQRT2 < Math.min(x, y, S - x, S - y);
    if (squares.length > 1 || !inside) continue;
    compared++;
    assert.deepEqual(pixel, shift.map((s) => Math.max(200 + s, 0)));
    const area = anomaly.mask.reduce((a, b) => a + b);
    assert.ok(Math.abs(area - width ** 2) <= 4 * width * 0.6, `area ${area} of a side ${width}`);
    // A turned square's pixels reach as far as its corners do.
    const reach = width / 2 * (Math.cos(angle) + Math.abs(Math.sin(angle)));
    const columns = [...anomaly.mask.keys()].filter((i) => anomaly.mask[i]).map((i) => i % S);
    assert.ok(Math.abs(Math.max(...columns) + 0.5 - x - reach) <= 1.5);
    assert.ok(Math.abs(x - 0.5 - Math.min(...columns) - reach) <= 1.5);
  }
  assert.ok(compared > 50);
});

Deno.test("confetti that overlaps adds up", () => {
  const S = 64, image = new Uint8Array(3 * S * S).fill(255);
  const i = Array.from({ length: 5000 }, (_, i) => i).find((i) => {
    const [a, b, ...more] = confettiSquares(S, random(i));
    return b && more.length === 0 && Math.hypot(a.x - b.x, a.y - b.y) < 2 && !isBlack(a) && !isBlack(b);
  })!;
  const [a, b] = confettiSquares(S, random(i));
  const at = 3 * (Math.floor(a.y) * S + Math.floor(a.x));
  assert.deepEqual(
    [...confetti(image, S, random(i)).image.subarray(at, at + 3)],
    a.shift.map((shift, c) => Math.max(255 + shift + b.shift[c], 0)),
  );
});

for (const [name, draw] of Object.entries(ANOMALIES)) {
  Deno.test(`${name}: the mask is what changed, at any size; the seed decides; the image stays`, () => {
    for (const S of [8, 32, 97]) {
      const image = noisy(S), before = image.slice();
      for (let seed = 0; seed < 20; seed++) {
        const { image: changed, mask } = draw(image, S, random(seed));
        assert.deepEqual(image, before);
        const wanted = mask.map((_, i) =>
          [0, 1, 2].some((c) => image[3 * i + c] !== changed[3 * i + c]) ? 1 : 0
        );
        assert.deepEqual(mask, wanted);
        assert.ok(mask.includes(1));
        assert.deepEqual(draw(image, S, random(seed)), { image: changed, mask });
        assert.notDeepEqual(draw(image, S, random(seed + 1000)).image, changed);
      }
    }
  });
}

Deno.test("what would come out unchanged is drawn again, and refused where nothing ever changes", () => {
  const S = 32, image = new Uint8Array(3 * S * S);
  for (const draw of [confetti, cutpaste]) {
    assert.throws(() => draw(image, S, random(0)), {
      name: "InputError",
      message: /1000 draws left as it was/,
    });
  }
  image.fill(255, 0, 3 * S * 8); // only the upper quarter can be darkened
  for (let i = 0; i < 200; i++) {
    const { mask } = confetti(image, S, random(i));
    assert.ok(mask.includes(1) && !mask.subarray(S * 8).includes(1));
  }
});

/** Sides of the box around a mask's pixels, and how many there are. */
function boxOf(mask: Uint8Array, S: number): { width: number; height: number; area: number } {
  const pixels = [...mask.keys()].filter((i) => mask[i]);
  const span = (values: number[]) => Math.max(...values) - Math.min(...values) + 1;
  const width = span(pixels.map((i) => i % S)), height = span(pixels.map((i) => Math.floor(i / S)));
  return { width, height, area: pixels.length };
}

Deno.test("cutpaste: large upright patches of the paper's areas, and scars", () => {
  const S = 256, image = noisy(S);
  let large = 0;
  for (let i = 0; i < 200; i++) {
    const { mask } = cutpaste(image, S, random(i)), { width, height, area } = boxOf(mask, S);
    const part = area / S ** 2;
    if (part > 0.01) {
      large++;
      assert.ok(part > 0.0195 && part < 0.155 && area > 0.98 * width * height, `${part}`);
      assert.ok(Math.max(width / height, height / width) < 3.5);
    } else {
      assert.ok(area <= 16 * 25 + 40 && area >= 10, `${area}`);
      assert.ok(Math.hypot(width, height) <= 16 + 25 + 2, `${width}×${height}`);
    }
  }
  assert.ok(large > 75 && large < 125, `${large} large patches of 200`);
});

Deno.test("cutpaste takes what it pastes from the image, a little brighter or darker", () => {
  const S = 64, image = new Uint8Array(3 * S * S).fill(100);
  image.fill(200, 0, 3 * S * 32); // light above, dark below
  const found = new Set<number>();
  for (let i = 0; i < 50; i++) for (const value of cutpaste(image, S, random(i)).image) found.add(value);
  for (const value of found) {
    assert.ok((value > 75 && value < 135) || (value > 160 && value < 245), `${value} comes from nowhere`);
  }
  assert.ok(found.size > 20);
});

Deno.test("perlin: noise of zero mean within −1..1, high in some part, the texture blended there", () => {
  const S = 64, image = new Uint8Array(3 * S * S).fill(100);
  let sum = 0, high = 0;
  for (let i = 0; i < 200; i++) {
    const noise = perlinNoise(S, random(i));
    for (const value of noise) {
      assert.ok(value >= -1 && value <= 1);
      sum += value;
      high += value > 0.5 ? 1 : 0;
    }
  }
  const count = 200 * S * S;
  assert.ok(Math.abs(sum / count) < 0.05 && high / count > 0.02 && high / count < 0.2, `${sum}, ${high}`);
  const white = () => new Uint8Array(3 * S * S).fill(255), opacities: number[] = [];
  for (let i = 0; i < 300; i++) {
    const { image: changed, mask } = perlin(image, S, random(i), white);
    const values = new Set(changed.filter((_, i) => mask[Math.floor(i / 3)]));
    assert.equal(values.size, 1);
    opacities.push((255 - [...values][0]) / 155);
  }
  assertDistributed(opacities, uniform(0, 0.8));
});

Deno.test("perlin's noise is smooth: neighbours differ little where cells are large", () => {
  const S = 256;
  for (let i = 0; i < 20; i++) {
    const noise = perlinNoise(S, random(i));
    let most = 0;
    for (let x = 1; x < noise.length; x++) {
      if (x % S) most = Math.max(most, Math.abs(noise[x] - noise[x - 1]));
    }
    assert.ok(most < 0.7, `a step of ${most}`); // 32 cells: eight pixels from a valley to a peak
  }
});

Deno.test("textures differ in kind and colour, and none is flat", () => {
  const S = 32, seen = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const texture = drawTexture(S, random(i));
    assert.equal(texture.length, 3 * S * S);
    assert.ok(new Set(texture).size > 8);
    seen.add(texture.subarray(0, 30).join());
  }
  assert.equal(seen.size, 40);
});

Deno.test("one square of confetti is one piece", () => {
  const S = 64, image = new Uint8Array(3 * S * S).fill(128);
  for (let i = 0; i < 100; i++) {
    if (confettiSquares(S, random(i)).length > 1) continue;
    const { mask }: Anomaly = confetti(image, S, random(i));
    assert.equal(label8(mask, S, S).sizes.length, 2);
  }
});
