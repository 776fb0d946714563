/**
 * The queue before a model: it joins, refuses, lets go, and one image's failure is nobody else's.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import type { Image } from "../../src/data/image.ts";
import { InputError } from "../../src/errors.ts";
import { QueueFull, type Scoring, ScoringQueue } from "../../src/score/queue.ts";
import type { Verdict } from "../../src/score/verdict.ts";

/** A picture whose score is its only value. */
const picture = (value: number): Image => ({ width: 1, height: 1, data: Uint8Array.of(value, value, value) });

/** Scores when it is told to, and remembers the batches. */
class Held implements Scoring {
  batches: string[][] = [];
  #waiting: (() => void)[] = [];
  /** Negative values are refused one by one, by their place among the names. */
  refused = new Set<string>();

  async scoreBatch(images: readonly Image[], names: readonly string[]): Promise<Verdict[]> {
    this.batches.push([...names]);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const bad = names.find((name) => this.refused.has(name));
    if (bad !== undefined) throw new InputError(`Expected another image than ${bad}`);
    return images.map(({ data: [score] }) => ({
      score,
      normalised: null,
      label: null,
      map: null,
      area: { x: 0, y: 0, width: 1, height: 1 },
    }));
  }

  /** Lets the batch at hand go, when it has begun. */
  async go(): Promise<void> {
    while (this.#waiting.length === 0) await turn();
    this.#waiting.shift()!();
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

Deno.test("images that come while others are scored are joined, in their order, up to a batch", async () => {
  const model = new Held(), sizes: number[] = [];
  const queue = new ScoringQueue(model, { batch: 3, most: 9, onBatch: (images) => void sizes.push(images) });
  const scores = [queue.score(picture(0), { name: "0" })];
  while (model.batches.length === 0) await turn();
  for (let i = 1; i < 6; i++) scores.push(queue.score(picture(i), { name: `${i}` }));
  equal(queue.length, 6);
  equal(queue.room, 3);
  for (let i = 0; i < 3; i++) await model.go();
  deepEqual((await Promise.all(scores)).map(({ score }) => score), [0, 1, 2, 3, 4, 5]);
  deepEqual(model.batches, [["0"], ["1", "2", "3"], ["4", "5"]]);
  deepEqual(sizes, [1, 3, 2]);
  await queue.idle();
  equal(queue.length, 0);
});

Deno.test("what is more than `most` is refused at once, and taken when there is room again", async () => {
  const model = new Held(), queue = new ScoringQueue(model, { batch: 2, most: 2 });
  const first = [queue.score(picture(1)), queue.score(picture(2))];
  await rejects(
    queue.score(picture(3)),
    (error) => error instanceof QueueFull && /at most 2/.test(error.message),
  );
  await model.go();
  await Promise.all(first);
  const later = queue.score(picture(3));
  await model.go();
  equal((await later).score, 3);
  for (const wrong of [0, 1.5, NaN]) {
    throws(() => new ScoringQueue(model, { batch: wrong, most: 1 }), RangeError);
    throws(() => new ScoringQueue(model, { batch: 1, most: wrong }), RangeError);
  }
});

Deno.test("no more images are opened than a batch ahead", async () => {
  const model = new Held(), queue = new ScoringQueue(model, { batch: 2, most: 10 }), opened: number[] = [];
  const scores = Array.from(
    { length: 7 },
    (_, i) =>
      queue.score(() => {
        opened.push(i);
        return Promise.resolve(picture(i));
      }),
  );
  for (let taken = 2; taken <= 8; taken += 2) {
    while (model.batches.length < taken / 2) await turn();
    equal(opened.length, Math.min(taken + 2, 7));
    await model.go();
  }
  deepEqual((await Promise.all(scores)).map(({ score }) => score), [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("who goes away while waiting takes no place and no work", async () => {
  const model = new Held(), queue = new ScoringQueue(model, { batch: 1, most: 3 });
  const going = new AbortController(), inBatch = new AbortController();
  const first = queue.score(picture(1), { name: "1", signal: inBatch.signal });
  while (model.batches.length === 0) await turn();
  let opened = false;
  const open = () => (opened = true, picture(2));
  const second = queue.score(picture(3), { name: "3" }), third = queue.score(open, { signal: going.signal });
  equal(queue.room, 0);
  going.abort(new Error("gone"));
  await rejects(third, /gone/);
  equal(queue.room, 1);
  inBatch.abort(new Error("gone too")); // its batch goes on, and nobody waits for it
  await rejects(first, /gone too/);
  equal(queue.length, 2);
  await model.go();
  await model.go();
  equal((await second).score, 3);
  ok(!opened);
  await rejects(queue.score(picture(1), { signal: going.signal }), /gone/);
  deepEqual(model.batches, [["1"], ["3"]]);
});

Deno.test("an image that can't be opened, or is refused, fails alone", async () => {
  const model = new Held(), queue = new ScoringQueue(model, { batch: 4, most: 9 });
  model.refused.add("b");
  const unread = queue.score(() => Promise.reject(new InputError("no image")), { name: "x" });
  const [a, b, c] = ["a", "b", "c"].map((name, i) => queue.score(picture(i), { name }));
  const outcomes = Promise.allSettled([unread, a, b, c]);
  for (let i = 0; i < 4; i++) await model.go(); // all together, then each by itself
  deepEqual((await outcomes).map((o) => o.status === "fulfilled" ? o.value.score : o.reason.message), [
    "no image",
    0,
    "Expected another image than b",
    2,
  ]);
  deepEqual(model.batches, [["a", "b", "c"], ["a"], ["b"], ["c"]]);
});

Deno.test("a failure of the model fails its batch, and the queue goes on", async () => {
  let fails = true;
  const model: Scoring = {
    scoreBatch: (images) =>
      fails ? Promise.reject(new Error("lost")) : Promise.resolve(images.map(() => ({
        score: 1,
        normalised: null,
        label: null,
        map: null,
        area: { x: 0, y: 0, width: 1, height: 1 },
      }))),
  };
  const queue = new ScoringQueue(model, { batch: 2, most: 9 });
  const all = await Promise.allSettled([1, 2, 3].map((value) => queue.score(picture(value))));
  ok(all.every((outcome) => outcome.status === "rejected" && /lost/.test(outcome.reason.message)));
  fails = false;
  equal((await queue.score(picture(1))).score, 1);
});

Deno.test("what is told of batches may throw: it is reported, and the queue goes on", async () => {
  const model = new Held(), told: string[] = [];
  const onBatch = (images: number): never => {
    throw new Error(`${images} images`);
  };
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    told.push(event.error.message);
  };
  addEventListener("error", onError);
  try {
    const queue = new ScoringQueue(model, { batch: 2, most: 9, onBatch });
    const scores = [1, 2, 3].map((value) => queue.score(picture(value)));
    await model.go();
    await model.go();
    deepEqual((await Promise.all(scores)).map(({ score }) => score), [1, 2, 3]);
    await queue.idle();
    const later = queue.score(picture(4));
    await model.go();
    equal((await later).score, 4);
    await queue.idle();
    deepEqual(told, ["2 images", "1 images", "1 images"]);
  } finally {
    removeEventListener("error", onError);
  }
});
