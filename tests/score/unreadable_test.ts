/**
 * Images that can't be read: the others are scored as if they weren't there, and whoever asks hears of them in their turn.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { imagesInMemory } from "../../src/data/images.ts";
import type { InputError } from "../../src/errors.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { scoreImages, type Scorer } from "../../src/score/score.ts";
import { picture } from "../data/pictures.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinySource } from "../train/tiny.ts";

const S = TINY.image_size;

/** Scores by the first feature of each image; the one whose place is `odd` has none. */
function scorerOf(images: Record<string, Uint8Array>, odd?: number): Scorer {
  let seen = 0;
  return {
    source: { ...tinySource(gpu), backbone: null, feature_size: S, images: imagesInMemory(images) },
    method: { ...methodNamed("adtr"), input: "pixels" },
    settings: { ...TINY },
    decision: UNDECIDED,
    fitted: {
      async score(features) {
        const values = await gpu.read(features), count = features.shape[0], length = values.length / count;
        const scores = Float32Array.from(
          { length: count },
          (_, i) => seen++ === odd ? NaN : values[i * length],
        );
        return { maps: new Float32Array(count * S * S), scores };
      },
    },
  };
}

const names = Array.from({ length: 70 }, (_, i) => `${i}`);
const good = Object.fromEntries(names.map((name) => [name, picture(name, S, S)]));
const BAD = ["0", "3", "8", "9", "10", "11", "12", "13", "14", "15", "63", "64", "69"]; // a whole batch among them
const damaged = { ...good, ...Object.fromEntries(BAD.map((name) => [name, good[name].slice(0, 60)])) };

Deno.test("they come in their turn, and disturb no other", async () => {
  const wanted = new Map<string, number>();
  for await (const { path, score } of scoreImages(scorerOf(good), names)) wanted.set(path, score);
  const found: string[] = [], looked: number[] = [], errors: InputError[] = [];
  const options = {
    onImage: (done: number) => void looked.push(done),
    onError: async (path: string, error: InputError) => {
      await Promise.resolve();
      found.push(path);
      errors.push(error);
    },
  };
  for await (const { path, score } of scoreImages(scorerOf(damaged), names, options)) {
    equal(score, wanted.get(path));
    found.push(path);
  }
  deepEqual(found, names);
  equal(errors.length, BAD.length);
  equal(looked.at(-1), names.length);
  match(errors[1].message, /^Can't read 3 as a PNG image/);
});

Deno.test("a score that is no number is told like one; an error of who is told ends the work there", async () => {
  const told: string[] = [], onError = (path: string) => void told.push(path);
  const scored = await Array.fromAsync(scoreImages(scorerOf(good, 5), names.slice(0, 20), { onError }));
  deepEqual([scored.length, told], [19, ["5"]]);

  const before: string[] = [], stop = (_: string, error: InputError) => Promise.reject(error);
  await rejects(async () => {
    for await (const { path } of scoreImages(scorerOf(damaged), names.slice(1), { onError: stop })) {
      before.push(path);
    }
  }, { name: "InputError", message: /^Can't read 3 / });
  deepEqual(before, ["1", "2"]);
});

Deno.test("without anybody to tell, the first ends the work", async () => {
  await rejects(Array.fromAsync(scoreImages(scorerOf(damaged), names)), /^InputError: Can't read 0 /);
  await rejects(Array.fromAsync(scoreImages(scorerOf(good, 2), names)), /score of 2 is a finite number/);
});
