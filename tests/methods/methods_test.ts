/**
 * What every method owes to whoever calls it: the same scores after its state was stored, none that depend on the
 * batch, and finite results or a clear refusal where there is little to learn from.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import {
  METHOD_NAMES,
  type MethodName,
  type MethodSettings,
  methodSettings,
} from "../../src/methods/method.ts";
import { methods } from "../../src/methods/registry.ts";
import { gpu } from "../gpu.ts";
import { binding } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import { C, features, H, N, onGpu, pooled, W } from "./made_up.ts";

const S = 24, options = { image_size: S, image_score: "max" as const };
const train = { features: features("train", 9), pooled: pooled("train whole", 9, 7, 0.9) };
const test = features("test", 3), whole = pooled("test whole", 3, 7, 0.9);

function settingsOf(method: MethodName, given: Partial<MethodSettings> = {}): MethodSettings {
  return methodSettings({ method, H, W, C, ...given });
}

for (const method of METHOD_NAMES) {
  Deno.test(`${method}: what it promises about maps and whole images, and the same again from its state`, async () => {
    const { fit, open, maps } = methods[method], told: number[] = [];
    const fitted = await fit(gpu, train, settingsOf(method), (done, total) => {
      assert.ok(done <= total);
      told.push(done);
    });
    assert.ok(told.length > 0, "progress");
    const x = onGpu(gpu, test), found = await fitted.score(x, whole, options);
    assert.equal(found.maps?.length ?? null, maps ? 3 * S * S : null);
    assert.equal(found.scores.length, 3);
    assert.ok(found.scores.every(Number.isFinite) && (found.maps ?? []).every(Number.isFinite));

    const state = await fitted.state(), again = await open(gpu, state);
    assert.deepEqual(state.settings, settingsOf(method));
    for (const { shape, data } of state.tensors.values()) {
      assert.equal(
        data.length,
        shape.reduce((a, b) => a * b),
      );
    }
    assert.deepEqual(await again.score(x, whole, options), found);
    assert.deepEqual((await again.state()).tensors, state.tensors);
    const twice = await fit(gpu, train, settingsOf(method));
    assert.deepEqual((await twice.state()).tensors, state.tensors, "two fits give the same");

    for (let i = 0; i < 3; i++) {
      const one = onGpu(gpu, [test[i]]), alone = await fitted.score(one, [whole[i]], options);
      assert.equal(alone.scores[0], found.scores[i], "alone");
      if (maps) assert.deepEqual(alone.maps, found.maps!.slice(i * S * S, (i + 1) * S * S), "alone");
      gpu.release(one);
    }
    const before = gpu.memory.stats();
    await fitted.score(x, whole, options);
    assert.equal(gpu.memory.stats().inUse, before.inUse, "scoring gives its memory back");
    for (const one of [fitted, again, twice]) one.release();
    gpu.release(x);
  });

  Deno.test(`${method}: a missing tensor, or features of another size`, async () => {
    const { fit, open, pooled } = methods[method], fitted = await fit(gpu, train, settingsOf(method));
    const state = await fitted.state();
    for (const name of state.tensors.keys()) {
      const tensors = new Map([...state.tensors].filter(([other]) => other !== name));
      await assert.rejects(async () => void await open(gpu, { ...state, tensors }), RangeError, name);
    }
    if (methods[method].maps) {
      const wrong = gpu.empty([1, N, C + 1]);
      await assert.rejects(
        async () => void await fitted.score(wrong, [whole[0]], options),
        /Expected features \[images,36,10\]/,
      );
      gpu.release(wrong);
    }
    if (pooled) {
      await assert.rejects(
        async () => void await fitted.score(onGpu(gpu, test), undefined, options),
        /features of 3 whole images, but found none/,
      );
    }
    fitted.release();
  });

  Deno.test(`${method}: one training image, and images all alike`, async () => {
    const { fit } = methods[method], x = onGpu(gpu, test);
    const alike = train.features.map((image) => new Float32Array(image.length).fill(0.7));
    const cases = {
      one: { features: train.features.slice(0, 1), pooled: train.pooled.slice(0, 1) },
      alike: {
        features: alike,
        pooled: train.pooled.map((values) => new Float32Array(values.length).fill(0.1)),
      },
      "one, alike": { features: alike.slice(0, 1), pooled: train.pooled.slice(0, 1) },
    };
    for (const [name, images] of Object.entries(cases)) {
      try {
        const fitted = await fit(gpu, images, settingsOf(method, { neighbours: 500 }));
        const { maps, scores } = await fitted.score(x, whole, options);
        assert.ok(scores.every(Number.isFinite) && (maps ?? []).every(Number.isFinite), name);
        assert.ok(scores.every((score) => score > 0) || method === "kde", name);
        fitted.release();
      } catch (error) {
        assert.ok(error instanceof InputError, `${name}: ${error}`);
        assert.match(error.message, /found them all alike|at least 2 training images/, name);
        assert.ok(method === "kde" || (method === "mahalanobis" && name !== "one"), name);
      }
    }
    gpu.release(x);
  });
}

Deno.test("what does not fit into one binding comes in pieces, to the same scores", async () => {
  const small = binding(7000), x = onGpu(gpu, test); // 7000 bytes: maps of three images, and little more
  for (const method of METHOD_NAMES) {
    const { fit, open } = methods[method], settings = settingsOf(method, { coreset: 0.5 });
    const wanted = await (await fit(gpu, train, settings)).score(x, whole, options);
    const parted = await fit(small, train, settings), again = await open(small, await parted.state());
    for (const fitted of [parted, again]) {
      const found = await fitted.score(x, whole, options);
      assertClose(found.scores, wanted.scores, 1e-6, method);
      if (wanted.maps) assertClose(found.maps!, wanted.maps, 1e-6, method);
      fitted.release();
    }
  }
  gpu.release(x);
});

Deno.test("settings out of range are refused by the flag's name", () => {
  const bad: [Partial<MethodSettings>, RegExp][] = [
    [{ coreset: 0 }, /--coreset to be above 0 and at most 1, but found 0/],
    [{ coreset: 1.5 }, /--coreset/],
    [{ neighbours: 0 }, /--neighbours/],
    [{ neighbours: 2.5 }, /--neighbours/],
    [
      { padim_channels: C + 1 },
      /--padim-channels to be a whole number of 1 to 10, the channels there are, but found 11/,
    ],
    [{ sigma: -1 }, /--sigma/],
    [{ sigma: NaN }, /--sigma/],
  ];
  for (const [given, message] of bad) {
    assert.throws(
      () => settingsOf("padim", given),
      (error) => error instanceof InputError && message.test(error.message),
    );
  }
  assert.equal(settingsOf("padim").padim_channels, C);
  assert.equal(methodSettings({ method: "padim", H, W, C: 720 }).padim_channels, 100);
  assert.equal(methodSettings({ method: "padim", H, W, C: 1792 }).padim_channels, 550);
  assert.deepEqual(METHOD_NAMES.map((method) => settingsOf(method).sigma), [4, 4, 4, 0, 0, 0]);
});

Deno.test("an aborted fit throws the reason and keeps no memory", async () => {
  const before = gpu.memory.stats().inUse;
  for (const method of ["patchcore", "mahalanobis"] as const) {
    const stop = new AbortController(), tell = () => stop.abort(new Error("enough"));
    const many = { features: features("train", 9) };
    await assert.rejects(
      methods[method].fit(gpu, many, settingsOf(method, { coreset: 1 }), tell, stop.signal),
      /enough/,
      method,
    );
    assert.equal(gpu.memory.stats().inUse, before, method);
  }
});
