/**
 * What every method owes to whoever calls it (src/methods/method.ts): the same scores after its state was stored, none
 * that depend on the batch, the same bytes from the same seed, and finite results or a refusal in words. A method is under
 * test here by its line in the registry.
 *
 * @module
 */
import "./student.ts"; // a method that looks at both, first
import assert from "node:assert/strict";
import { InputError, SettingError } from "../../src/errors.ts";
import { requireMemory } from "../../src/methods/memory.ts";
import type { DataSizes, Fitted, Method, Scores, TrainingImages } from "../../src/methods/method.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import { methodNamed, methods } from "../../src/methods/registry.ts";
import type { Value } from "../../src/methods/settings.ts";
import { gpu } from "../gpu.ts";
import { binding, variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import { imagesFor, learned, S, settingsOf, sizesOf, some, Uploaded } from "./made_up.ts";

/** Those that can't learn from one image, or from images all alike; all others score whatever is there. */
const REFUSES: Record<string, readonly string[]> = {
  kde: ["one", "alike", "one, alike"],
  gaussian: ["one", "alike", "one, alike"],
  mahalanobis: ["alike", "one, alike"],
};

/** Those whose paper's networks have more parameters than the software adapter binds at once, and settings of smaller ones. */
const SMALLER: Record<string, Record<string, Value>> = { scadn: { blocks: 4 } };

/** Those that stop on so few images already. */
const LONG = ["patchcore", "mahalanobis", ...methods.filter(isTrained).map(({ name }) => name)];

/** Every method, and what settings make of some. */
const CASES: [method: Method, given: Record<string, Value>][] = [
  ...methods.map((method): [Method, Record<string, Value>] => [method, {}]),
  [methodNamed("adtr"), { score: "residual-padim" }],
  [methodNamed("spade"), { image_rule: "map" }],
  [methodNamed("patchcore"), { image_rule: "map", patch: 1 }],
  [methodNamed("kdad"), { localisation: "gradient" }],
  [methodNamed("fcdd"), { labels: "none" }],
];

/** Whether a method is trained by steps. */
function isTrained({ settings }: Method): boolean {
  return Object.hasOwn(settings, "epochs");
}

/** Arrays of one length [7] where all are finite numbers. */
function assertFinite(
  { maps, scores }: { maps: Float32Array | null; scores: Float32Array },
  what = "",
): void {
  assert.ok(scores.every(Number.isFinite) && (maps ?? []).every(Number.isFinite), what);
}

for (const [method, given] of CASES) {
  const { name } = method, called = [name, ...Object.values(given)].join(" ");
  const test = (what: string, body: () => Promise<void>) => Deno.test(`${called}: ${what}`, body);
  let kept: Fitted | undefined;
  /** What tests look at that change nothing, for as long as this file's tests run. */
  const shared = async (): Promise<Fitted> => kept ??= await learned(method, train, { settings });
  const train = imagesFor(method, "train", 9), images = imagesFor(method, "test", 3);
  const half = Object.hasOwn(method.settings, "coreset") ? { coreset: 0.5, ...given } : given; // a bank to be cut
  const settings = settingsOf(method, half), sizes = sizesOf(method, train);
  const scores = async (fitted: Fitted, of: TrainingImages = images, by = settings): Promise<Scores> => {
    using uploaded = new Uploaded(method, of);
    return await uploaded.score(fitted, by);
  };

  test("what it promises about maps and whole images, and the same again from its state", async () => {
    const told: number[] = [];
    using fitted = await learned(method, train, {
      settings,
      onProgress: (done, total) => {
        assert.ok(done <= total);
        told.push(done);
      },
    });
    assert.ok(told.length > 0, "progress");
    const found = await scores(fitted);
    assert.equal(found.maps?.length ?? null, method.maps ? 3 * S * S : null);
    assert.equal(found.scores.length, 3);
    assertFinite(found);
    assert.equal(new Set(found.scores).size, 3, "other images, other scores");

    const state = await fitted.state();
    const { C, H, W } = method.readModel(JSON.parse(JSON.stringify(state.model)));
    assert.deepEqual([C, H, W], [sizes.C, sizes.H, sizes.W]);
    for (const { shape, data } of state.tensors.values()) {
      assert.equal(data.length, shape.reduce((a, b) => a * b, 1));
    }
    using again = await method.open(gpu, state);
    assert.deepEqual(await scores(again), found);
    assert.deepEqual(await again.state(), state);
    for (let i = 0; i < 3; i++) {
      const alone = await scores(fitted, some(images, i, i + 1));
      assert.equal(alone.scores[0], found.scores[i], "alone");
      assert.deepEqual(alone.maps, found.maps && found.maps.slice(i * S * S, (i + 1) * S * S), "alone");
    }
  });

  test("what image_score says decides where maps decide about images, and only there", async () => {
    const fitted = await shared();
    const rules = Object.hasOwn(settings, "image_rule") ? ["paper", "map"] : [undefined];
    for (const image_rule of rules) {
      const of = async (image_score: "max" | "mean") => {
        const { image_rule: _, ...others } = settings;
        const given = { ...others, image_score, ...(image_rule ? { image_rule } : {}) };
        return (await scores(fitted, images, given)).scores;
      };
      const [max, mean] = [await of("max"), await of("mean")];
      if (!method.maps || image_rule === "paper") assert.deepEqual(max, mean);
      else max.forEach((score, i) => assert.notEqual(score, mean[i]));
    }
  });

  test("two learnings give the same, and another seed another where it says so", async () => {
    const stateOf = async (seed: number) => {
      using fitted = await learned(method, train, { settings: { ...settings, seed } });
      return await fitted.state();
    };
    const { seed } = settings, first = await (await shared()).state();
    assert.deepEqual(await stateOf(seed), first);
    const other = await stateOf(seed + 1);
    if (method.seeded && name !== "padim") assert.notDeepEqual(other, first);
    else assert.deepEqual(other, first); // of 10 channels padim takes all
  });

  test("learning, scoring and opening give their memory back", async () => {
    const before = gpu.memory.stats().inUse;
    {
      using fitted = await learned(method, train, { settings });
      const held = gpu.memory.stats().inUse;
      await scores(fitted);
      assert.equal(gpu.memory.stats().inUse, held, "scoring");
      using again = await method.open(gpu, await fitted.state());
      assert.ok((await again.state()).tensors.size > 0);
    }
    assert.equal(gpu.memory.stats().inUse, before);
    const stop = new AbortController(), onProgress = () => stop.abort(new Error("enough"));
    try {
      using _fitted = await learned(method, train, { settings, onProgress, signal: stop.signal });
      assert.ok(!LONG.includes(name)); // others may be done before they look
    } catch (error) {
      assert.equal(error, stop.signal.reason);
    }
    assert.equal(gpu.memory.stats().inUse, before, "stopped");
  });

  test("a tensor that is missing or of another shape, and features of another size, are refused", async () => {
    const fitted = await shared();
    const state = await fitted.state(), found = await scores(fitted);
    const before = gpu.memory.stats().inUse;
    for (const [tensor, { shape, data }] of state.tensors) {
      const wider = [...shape.slice(0, -1), shape.at(-1)! + 1];
      const other = { shape: wider, data: new Float32Array(wider.reduce((a, b) => a * b)).fill(data[0]) };
      const changes = { missing: null, wider: other };
      for (const [change, value] of Object.entries(changes)) {
        const tensors = new Map(state.tensors);
        if (value) tensors.set(tensor, value);
        else tensors.delete(tensor);
        try {
          using opened = await method.open(gpu, { ...state, tensors });
          assert.equal(change, "missing", tensor);
          // Not every score needs it.
          assert.deepEqual(await scores(opened), found, tensor);
        } catch (error) {
          const inWords = change === "missing" && error instanceof InputError; // by the score that needs it
          assert.ok(error instanceof RangeError || inWords, `${tensor} ${change}: ${error}`);
        }
        assert.equal(gpu.memory.stats().inUse, before, `${tensor} ${change}`);
      }
    }
    using uploaded = new Uploaded(method, images);
    const { features, pooled, pixels } = uploaded;
    if (method.maps || method.input !== "features") {
      const wrong = gpu.empty([3, sizes.H * sizes.W, sizes.C + 1]);
      await assert.rejects(
        async () => void await fitted.score(wrong, pooled, settings, pixels),
        new RegExp(`Expected (features|pixels) \\[images,${sizes.H * sizes.W},${sizes.C}\\]`),
      );
      gpu.release(wrong);
    }
    if (method.pooled) {
      await assert.rejects(
        async () => void await fitted.score(features, [], settings, pixels),
        /features of 3 whole images, but found none/,
      );
    }
    if (pixels) {
      const fewer = pixels.part(0, [2, S * S, 3]), none = [undefined, "none"] as const;
      for (const [other, found] of [none, [fewer, `[${fewer.shape}]`] as const]) {
        await assert.rejects(async () => void await fitted.score(features, pooled, settings, other), {
          name: "RangeError",
          message: `Expected pixels [${pixels.shape}], but found ${found}`,
        });
      }
    }
  });

  test("one training image, and images all alike", async () => {
    const flat = (value: number) => (values: Float32Array) => new Float32Array(values.length).fill(value);
    const alike: TrainingImages = {
      features: train.features.map(flat(0.7)),
      pooled: train.pooled.map(flat(0.1)),
      pixels: train.pixels?.map(flat(0.7)),
    };
    const cases = { one: some(train, 0, 1), alike, "one, alike": some(alike, 0, 1) };
    for (const [what, few] of Object.entries(cases)) {
      if (REFUSES[name]?.includes(what)) {
        await assert.rejects(
          learned(method, few, { settings }),
          (error) =>
            error instanceof InputError &&
            /found them all alike|at least 2 training images/.test(error.message),
          what,
        );
        continue;
      }
      using fitted = await learned(method, few, { settings });
      const found = await scores(fitted);
      assertFinite(found, what);
      if (!isTrained(method)) assert.ok(found.scores.every((score) => score > 0), what); // distances
    }
  });

  test("what does not fit into one binding comes in pieces, to the same scores, or is told before", async () => {
    const small = binding(12_500); // bytes: maps of three images, less than a bank of all
    const wanted = await scores(await shared()), before = gpu.memory.stats().inUse;
    if (method.needs(settings, sizes).bound?.some(({ bytes }) => bytes > 12_500)) {
      assert.throws(() => requireMemory(small, method, settings, sizes, 0, null), {
        name: "SettingError",
        kind: "memory",
      });
    } else {
      requireMemory(small, method, settings, sizes, 0, null);
      using parted = await learned(method, train, { settings, on: small });
      using again = await method.open(small, await parted.state());
      for (const fitted of [parted, again]) {
        const found = await scores(fitted);
        assertClose(found.scores, wanted.scores, 1e-6, name);
        if (wanted.maps) assertClose(found.maps!, wanted.maps, 1e-6, name);
      }
    }
    assert.equal(gpu.memory.stats().inUse, before);
  });

  test("memory that is not there is told with what to lower, and lowering it takes less", () => {
    const many: DataSizes = method.input === "pixels"
      ? { images: 100, C: 3, H: 256, W: 256, P: 0, S: 256, levels: [3] }
      : { images: 100, C: 720, H: 16, W: 16, P: 720, S: 256, levels: [24, 40, 56, 600] };
    const all = { method: name, backbone: "gabor", ...SMALLER[name], ...given };
    const settings = resolveSettings(all, {
      preset: "paper",
      data: "folder",
      weights: false,
    });
    assert.throws(
      () => requireMemory(variants.software, method, settings, many, 0, 1000),
      (error) =>
        error instanceof SettingError && error.kind === "memory" &&
        /^[\w-]+ on 100 training images needs \d+ MiB of memory, but found 0 MiB free\.\n(Lower|Take) /.test(
          error.message,
        ),
    );
    const sumOf = (given: typeof settings, change: Partial<DataSizes> = {}) => {
      const sizes = { ...many, ...change }, { images, C, H, W, S } = sizes;
      const { gpu, host, bound = [] } = method.needs(given, sizes);
      const come = 4 * images * (C * H * W + (method.input === "both" ? 3 * S * S : 0));
      return bound.reduce((sum, { bytes }) => sum + bytes, come + gpu + host);
    };
    const needs = method.needs(settings, many), whole = sumOf(settings);
    const names = new Set([...needs.lower, ...(needs.bound ?? []).flatMap(({ lower }) => lower)]);
    assert.ok(names.size > 0 || needs.or !== undefined);
    const sizes: Record<string, Partial<DataSizes>> = {
      feature_size: { H: 8, W: 8 },
      components: { C: 360, levels: [360] },
      image_size: method.input === "pixels" ? { H: 128, W: 128, S: 128 } : { S: 128 },
    };
    for (const lower of names) {
      const value = settings[lower] as number; // 0 stands for many
      const less = sizes[lower]
        ? sumOf(settings, sizes[lower])
        : sumOf({ ...settings, [lower]: value > 0 ? value / 2 : 1 });
      assert.ok(less < whole, `${lower}: ${less} of ${whole}`);
    }
    return Promise.resolve();
  });

  test("the GPU memory that is told is about what is taken", async () => {
    const many = imagesFor(method, "train", 40), before = gpu.memory.stats().inUse;
    using _fitted = await learned(method, many, { settings });
    const taken = gpu.memory.stats().inUse - before, told = method.needs(settings, sizesOf(method, many)).gpu;
    assert.ok(taken <= 1.3 * told + 4096, `${taken} taken, ${told} told`);
  });
}

Deno.test("a bank too large is told before the work, with sizes and what to lower", () => {
  const knn = methods.find(({ name }) => name === "knn")!, settings = settingsOf(knn), GiB = 2 ** 30;
  const sizes = { images: 2000, C: 720, H: 16, W: 16, P: 0, S: 256, levels: [720] },
    needs = knn.needs(settings, sizes); // 512 000 patches
  assert.equal(needs.gpu, 512_000 * 721 * 4);
  assert.equal(needs.host, 512_000 * 720 * 4);
  requireMemory(variants.software, knn, settings, sizes, 0, needs.gpu + needs.host);
  assert.throws(() => requireMemory(variants.software, knn, settings, sizes, GiB, 2 * GiB), {
    name: "SettingError",
    message:
      /^knn on 2000 training images needs 3838 MiB of memory, but found 2048 MiB free\.\nLower feature_size, or /,
  });
  requireMemory(variants.hardware, knn, settings, sizes, 0, 2 * GiB); // the bank is not in the computer's memory
  requireMemory(variants.software, knn, settings, sizes, GiB, null); // nobody knows
});

Deno.test("the Gaussians of residual-padim count among what ADTR takes", () => {
  const adtr = methodNamed("adtr"), sizes = { images: 10, C: 720, H: 16, W: 16, P: 0, S: 256, levels: [720] };
  const of = (score: string) => adtr.needs(settingsOf(adtr, { score }), sizes);
  const gaussians = 4 * 256 * 720 * 721, [plain, positions] = [of("residual"), of("residual-padim")];
  assert.equal(positions.gpu - plain.gpu, gaussians);
  assert.equal(positions.host - plain.host, 2 * gaussians + 4 * 10 * 256 * 720);
});
