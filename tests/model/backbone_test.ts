import assert from "node:assert/strict";
import { inputTables, type LevelOptions, networkBackbone, normalise } from "../../src/model/backbone.ts";
import { type BackboneName, BACKBONES, IMAGENET, type ResNetDescription } from "../../src/model/backbones.ts";
import { efficientNetBackbone, openBackbone, resNetBackbone } from "../../src/model/open_backbone.ts";
import type { Compute } from "../../src/gpu/compute.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { FloatTensor } from "../../src/gpu/tensor.ts";
import type { EfficientNetWeights } from "../../src/model/efficientnet.ts";
import { loadResNet } from "../../src/model/resnet_weights.ts";
import { fill } from "../fill.ts";
import { networkStateDict } from "../golden/networks_fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose, efficientNetTaps, relativeL2, resize } from "../reference/backbone.ts";
import { madeUpWeights } from "../reference/efficientnet_weights.ts";

const weights = madeUpWeights("symmetric");
const backbone = await efficientNetBackbone(gpu, "efficientnet_b4", weights, IMAGENET);
const tables = inputTables(IMAGENET);
const S = 32, H = 5, W = 3, bytes = S * S * 3;
const images = Uint8Array.from(fill("images", 3 * bytes, 0, 256));

Deno.test("features are the resized taps of the normalised image, low level first", async () => {
  const features = backbone.features(gpu, images.subarray(0, bytes), 1, S, H, W);
  assert.deepEqual(features.shape, [1, H * W, 720]);
  const taps = efficientNetTaps(weights, normalise(images.subarray(0, bytes), tables), 1, S)
    .map(({ shape, values }) => ({ C: shape[3], values: resize(values, shape, H, W) }));
  const wanted = Array.from(
    { length: H * W },
    (_, n) => taps.flatMap(({ C, values }) => [...values.subarray(n * C, (n + 1) * C)]),
  );
  assertClose(await gpu.read(features), wanted.flat(), 3e-6);
  gpu.release(features);
});

Deno.test("an image's features are the same bits alone and in a batch, and no memory is left behind", async () => {
  const before = gpu.memory.stats().inUse;
  const batch = backbone.features(gpu, images, 3, S, H, W);
  const values = await gpu.read(batch);
  gpu.release(batch);
  for (let b = 0; b < 3; b++) {
    const one = backbone.features(gpu, images.subarray(b * bytes, (b + 1) * bytes), 1, S, H, W);
    assert.deepEqual(await gpu.read(one), values.subarray(b * H * W * 720, (b + 1) * H * W * 720));
    gpu.release(one);
  }
  assert.equal(gpu.memory.stats().inUse, before);
  assert.throws(
    () => backbone.features(gpu, images, 2, S, H, W),
    /2 images of 32×32×3, 6144 bytes, but found 9216/,
  );
});

Deno.test("a batch too large for one go is split", async () => {
  const S = 484, image = Uint8Array.from(fill("large", S * S * 3, 0, 256)); // one at a time on a software adapter
  const pair = new Uint8Array(2 * image.length);
  pair.set(image);
  pair.set(image, image.length);
  const features = backbone.features(gpu, pair, 2, S, 2, 2);
  const values = await gpu.read(features);
  gpu.release(features);
  assert.deepEqual(values.subarray(values.length / 2), values.subarray(0, values.length / 2));
});

Deno.test("normalise rounds as PyTorch does", () => {
  // torch.tensor([0, 127, 255] and so on) / 255, .sub_(mean).div_(std), float32.
  const [red, green, blue] = normalise(Uint8Array.of(0, 127, 255), tables);
  const f = Math.fround;
  assert.equal(red, f(f(0 - f(0.485)) / f(0.229)));
  assert.equal(green, f(f(f(127 / 255) - f(0.456)) / f(0.224)));
  assert.equal(blue, f(f(1 - f(0.406)) / f(0.225)));
});

Deno.test("the fingerprint tells weights, paddings and names apart", async () => {
  const other = structuredClone(weights);
  other.blocks[31].project.bias[447] += 1;
  const open = async (name: string, of = weights) => {
    using backbone = await efficientNetBackbone(gpu, name, of, IMAGENET);
    return backbone.fingerprint;
  };
  const fingerprints = [
    await open("efficientnet_b4", other),
    await open("efficientnet_b4", { ...weights, padding: "same" }),
    await open("tf_efficientnet_b4"),
    backbone.fingerprint,
  ];
  assert.equal(new Set(fingerprints).size, 4);
  assert.equal(await open("efficientnet_b4"), backbone.fingerprint);
});

const state = { path: "resnet18.pth", tensors: networkStateDict("resnet18"), metadata: {} };
const resnet18 = loadResNet(state, BACKBONES.resnet18 as ResNetDescription);

Deno.test("levels are the shares of all features, and what is behind them is not computed", async () => {
  const cases = [
    {
      open: (levels?: number[]) => efficientNetBackbone(gpu, "b4", weights, IMAGENET, { levels }),
      ends: [24, 56, 112, 272, 720],
    },
    {
      open: (levels?: number[]) => resNetBackbone(gpu, "r18", resnet18, IMAGENET, { levels }),
      ends: [64, 192, 448, 960],
    },
  ];
  for (const { open, ends } of cases) {
    const C = ends[ends.length - 1], one = images.subarray(0, bytes);
    const last = C - ends[ends.length - 2];
    const pooledAll = gpu.empty([1, last]);
    const all = await open(), features = all.features(gpu, one, 1, S, H, W, pooledAll);
    const wanted = await gpu.read(features), means = await gpu.read(pooledAll);
    for (const levels of [[1], [2, 3], [4]]) {
      const backbone = await open(levels);
      const inUse = gpu.memory.stats().inUse, { dispatches } = gpu.stream.counts;
      const pooled = gpu.empty([1, last]);
      const some = backbone.features(gpu, one, 1, S, H, W);
      const short = gpu.stream.counts.dispatches - dispatches;
      const again = backbone.features(gpu, one, 1, S, H, W, pooled);
      const share = Array.from(
        { length: H * W },
        (_, n) =>
          levels.flatMap((
            level,
          ) => [...wanted.subarray(n * C + (ends[level - 2] ?? 0), n * C + ends[level - 1])]),
      );
      assert.deepEqual([...await gpu.read(some)], share.flat());
      assert.deepEqual(await gpu.read(again), await gpu.read(some));
      assert.deepEqual(
        await gpu.read(pooled),
        means,
        "pooled is the network's last level, whatever is taken",
      );
      assert(levels[0] !== 1 || short < (gpu.stream.counts.dispatches - dispatches) / 2);
      assert.notEqual(backbone.fingerprint, all.fingerprint);
      const widths = levels.map((level) => ends[level - 1] - (ends[level - 2] ?? 0));
      assert.deepEqual(backbone.levelChannels, widths);
      for (const tensor of [pooled, some, again]) gpu.release(tensor);
      assert.equal(gpu.memory.stats().inUse, inUse);
    }
    assert.equal((await open(ends.map((_, i) => i + 1))).fingerprint, all.fingerprint);
    const opened = await Promise.all([[1], [2], [1, 2], [2, 3]].map(open));
    assert.equal(new Set(opened.map(({ fingerprint }) => fingerprint)).size, 4);
  }
});

Deno.test("means of several levels are joined, and have a fingerprint of their own", async () => {
  const open = (pooledLevels?: number[]) =>
    resNetBackbone(gpu, "r18", resnet18, IMAGENET, { levels: [1], pooledLevels });
  const means = async (pooledLevels: number[]) => {
    using backbone = await open(pooledLevels);
    return await gpu.step(async (on) => {
      const pooled = on.empty([2, backbone.pooledChannels]);
      backbone.features(on, images.subarray(0, 2 * bytes), 2, S, H, W, pooled);
      return [...await on.read(pooled)];
    });
  };
  const [low, high, both] = [await means([2]), await means([4]), await means([2, 4])];
  const joined = [0, 1].flatMap((b) => [
    ...low.slice(b * 128, (b + 1) * 128),
    ...high.slice(b * 512, (b + 1) * 512),
  ]);
  assert.deepEqual(both, joined);
  const last = await open(), given = await open([4]), other = await open([2, 4]);
  assert.equal(given.fingerprint, last.fingerprint);
  assert.notEqual(other.fingerprint, last.fingerprint);
  await assert.rejects(open([5]), /pooled_levels of r18 to be rising numbers of 1 to 4, but found 5/);
});

/** A scope that has no more room after so many tensors. */
function small(on: Compute, room: number): Compute {
  const taking = (what: string | symbol): boolean => what === "empty" || what === "tensor";
  return new Proxy(on, {
    get(_, name) {
      const value = Reflect.get(on, name);
      if (typeof value !== "function") return value;
      return (...of: unknown[]) => {
        if (taking(name) && room-- <= 0) throw new Error("no more");
        return value.apply(on, of);
      };
    },
  });
}

Deno.test("a backbone gives its memory back, and a step what it had taken when it throws", async () => {
  const before = gpu.memory.stats().inUse;
  const backbone = await openBackbone(gpu, "efficientnet_lite0", null);
  assert.equal(backbone.channels, 40 + 112 + 192); // levels 3, 5 and 6
  const opened = gpu.memory.stats().inUse;
  for (const room of [0, 1, 5, 20]) {
    await assert.rejects(
      gpu.step((on) => void backbone.features(small(on, room), images.subarray(0, bytes), 1, S, H, W)),
      /no more/,
    );
    assert.equal(gpu.memory.stats().inUse, opened);
  }
  const pooled = gpu.empty([1, backbone.pooledChannels - 4]);
  assert.throws(
    () => backbone.features(gpu, images.subarray(0, bytes), 1, S, H, W, pooled),
    /room for means \[1,320\], but found \[1,316\]/,
  );
  gpu.release(pooled);
  backbone[Symbol.dispose]();
  assert.equal(gpu.memory.stats().inUse, before);
  await assert.rejects(openBackbone(gpu, "efficientnet_lite1", null), /a weight file .*, but found none/);
  await assert.rejects(resNetBackbone(gpu, "r18", resnet18, IMAGENET, { levels: [9] }), /rising numbers/);
  assert.equal(gpu.memory.stats().inUse, before);
});

Deno.test("features and means are each image's own, in whatever chunk", async () => {
  const network = {
    channels: [4],
    inputs: 4,
    dtype: "f32" as const,
    largestMap: () => 2 ** 40, // one image at a time
    *taps(_: unknown, images: FloatTensor) {
      yield images;
    },
    [Symbol.dispose]() {},
  };
  const backbone = networkBackbone("itself", network, IMAGENET, "");
  const pooled = gpu.empty([3, 4]);
  const features = await gpu.read(backbone.features(gpu, images, 3, S, S, S, pooled));
  const wanted = normalise(images, tables, 4), means = new Float64Array(12);
  wanted.forEach((value, i) => means[Math.floor(i / (S * S * 4)) * 4 + i % 4] += value / (S * S));
  assert.deepEqual(features, wanted);
  assertClose(await gpu.read(pooled), means, 1e-6);
});

Deno.test("images too small for a network whose padding does not go by them are refused", async () => {
  const lite0 = (image_size: number) =>
    openBackbone(gpu, "efficientnet_lite0", null, { image_size, levels: "3" });
  await assert.rejects(lite0(31), {
    name: "SettingError",
    message: "Expected image_size to be at least 32 for the backbone efficientnet_lite0, but found 31",
  });
  using least = await lite0(32);
  const step = gpu.step((on) => on.read(least.features(on, images.subarray(0, bytes), 1, S, 2, 2)));
  assert.equal((await step).length, 4 * least.channels);
});

Deno.test("levels that are not there are refused, and any for a built-in backbone", async () => {
  for (const levels of [[], [0, 1], [5], [2, 2], [3, 1], [1.5]]) {
    const message = `Expected levels of resnet18 to be rising numbers of 1 to 4, but found ${
      levels.join(",") || "none"
    }`;
    await assert.rejects(resNetBackbone(gpu, "resnet18", resnet18, IMAGENET, { levels }), {
      name: "SettingError",
      message,
    });
  }
  await assert.rejects(openBackbone(gpu, "gabor", null, { levels: "1" }), {
    name: "SettingError",
    message: "Expected no levels for the built-in backbone gabor, but found 1",
  });
  await assert.rejects(openBackbone(gpu, "pixels", null, { image_size: 64 }), {
    name: "SettingError",
    message: "Expected image_size and feature_size for the backbone pixels, but found 64 and none",
  });
  const backbone = await openBackbone(gpu, "pixels", null, { image_size: 64, feature_size: 16 });
  assert.equal(backbone.channels, 48);
  assert.deepEqual(backbone.levelChannels, [48]);
});

Deno.test("with f16 weights take half the memory, features differ by its rounding, and fingerprints tell", async () => {
  const cases = [
    ["b4", (options: LevelOptions) => efficientNetBackbone(gpu, "b4", weights, IMAGENET, options)],
    ["r18", (options: LevelOptions) => resNetBackbone(gpu, "r18", resnet18, IMAGENET, options)],
  ] as const;
  const levels = { levels: [1, 2], pooledLevels: [2] };
  for (const [name, open] of cases) {
    const before = gpu.memory.stats().inUse, one = images.subarray(bytes, 2 * bytes);
    const compute = async (precision: "f32" | "f16") => {
      using backbone = await open({ ...levels, precision });
      const held = gpu.memory.stats().inUse - before;
      const [pair, single] = await gpu.step(async (on) => {
        const pooled = on.empty([1, backbone.pooledChannels]);
        const pair = backbone.features(on, images.subarray(0, 2 * bytes), 2, S, H, W);
        return await on.stream.read(pair, backbone.features(on, one, 1, S, H, W, pooled), pooled);
      });
      assert.deepEqual(single, pair.subarray(single.length), `${name} ${precision}`);
      return { features: pair, fingerprint: backbone.fingerprint, held };
    };
    const full = await compute("f32"), half = await compute("f16");
    assert.equal(half.fingerprint, `${full.fingerprint}-f16`);
    const share = half.held / full.held; // buffers come in sizes of their own
    assert(share > 0.45 && share < 0.55, `${name}: ${half.held} of ${full.held} bytes`);
    const distance = relativeL2(half.features, full.features);
    assert(distance > 1e-5 && distance < 1e-2, `${name}: ${distance}`);
    assert.equal(gpu.memory.stats().inUse, before);
  }
});

Deno.test("f16 is refused where the adapter has none, without weights, and for weights beyond it", async () => {
  const profile = { ...gpu.profile, f16: false }, before = gpu.memory.stats().inUse;
  const without: Gpu = Object.create(gpu, { profile: { value: profile } });
  const open = (on: Gpu, name: BackboneName) => openBackbone(on, name, null, { precision: "f16" });
  await assert.rejects(open(without, "efficientnet_lite0"), {
    name: "SettingError",
    message:
      `Expected an adapter with shader-f16 for precision f16, but found none in "${gpu.info.description}";\n` +
      "precision f32 runs everywhere",
  });
  await assert.rejects(open(gpu, "gabor"), {
    name: "SettingError",
    message: "Expected precision f32 for the built-in backbone gabor, which has no weights, but found f16",
  });
  const large = structuredClone(resnet18);
  large.blocks[3].convs[0].weight[5] = 1e5;
  await assert.rejects(resNetBackbone(gpu, "r18", large, IMAGENET, { precision: "f16" }), {
    name: "SettingError",
    message: "Expected weights up to 65504 with precision f16, but found 100000; precision f32 takes all",
  });
  assert.equal(gpu.memory.stats().inUse, before);
});

Deno.test("features of f16 are those of plain loops that round what lies between layers", async () => {
  const one = images.subarray(0, bytes), levels = { levels: [1, 2], pooledLevels: [2] };
  using backbone = await efficientNetBackbone(gpu, "b4", weights, IMAGENET, { ...levels, precision: "f16" });
  const found = await gpu.step((on) => on.read(backbone.features(on, one, 1, S, H, W)));
  const of = (stored?: (v: number) => number) => {
    const taps = efficientNetTaps(upTo(weights, 1), normalise(one, tables), 1, S, stored)
      .map(({ shape, values }) => ({ C: shape[3], values: resize(values, shape, H, W) }));
    return Array.from(
      { length: H * W },
      (_, n) => taps.flatMap(({ C, values }) => [...values.subarray(n * C, (n + 1) * C)]),
    ).flat();
  };
  const rounded = relativeL2(found, of(Math.f16round)), exact = relativeL2(found, of());
  assert(rounded < exact / 2, `${rounded} from what is rounded, ${exact} from what is not`);
});

/** The network up to a stage. */
function upTo(weights: EfficientNetWeights, stage: number): EfficientNetWeights {
  return { ...weights, blocks: weights.blocks.filter((block) => block.stage <= stage) };
}
