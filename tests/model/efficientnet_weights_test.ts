/**
 * Weights under every naming, from files to features: the numbers are those of timm, EfficientNet-PyTorch and
 * torchvision themselves (tests/golden/features.py).
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type BackboneName,
  BACKBONES,
  type EfficientNetDescription,
  type NamingName,
} from "../../src/model/backbones.ts";
import { loadEfficientNet } from "../../src/model/efficientnet_weights.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { writeSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of, stored, type StoredTensor, type TensorFile } from "../../src/formats/tensor_file.ts";
import { readWeightFile } from "../../src/host/tensor_files.ts";
import { filledStateDict, goldenFeatures, STEP } from "../golden/features_fill.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";

const TAPS = [24, 32, 56, 160, 448];
const TOLERANCE = 5e-5; // on llvmpipe, 2026-11: at most 2e-5, of the deepest tap
/** The weights of a file as those of a backbone. */
function load(file: TensorFile, backbone: BackboneName) {
  return loadEfficientNet(file, backbone, BACKBONES[backbone] as EfficientNetDescription);
}

const dicts = new Map<NamingName, Map<string, StoredTensor>>(
  (["timm", "EfficientNet-PyTorch", "torchvision"] as const).map((
    naming,
  ) => [naming, filledStateDict(naming)]),
);

for (const naming of ["timm", "timm_tf", "EfficientNet-PyTorch", "torchvision"] as const) {
  Deno.test(`features of ${naming} weights are those of PyTorch`, async () => {
    const [names, name] = naming === "timm_tf"
      ? ["timm", "tf_efficientnet_b4"] as const
      : [naming, "efficientnet_b4"] as const;
    await inFolder(async (folder) => {
      const path = `${folder}/weights.safetensors`;
      await writeSafetensors(path, dicts.get(names)!);
      const backbone = await openBackbone(gpu, name, await readWeightFile(path));
      const cases = goldenFeatures.filter((golden) => golden.naming === naming);
      assert.equal(cases.length, 2);
      for (const { S, H, W, image, values } of cases) {
        const features = backbone.features(gpu, image, 1, S, H, W);
        const found = await gpu.read(features); // [H·W, C]
        gpu.release(features);
        distances(found, values, H * W).forEach((distance, tap) => {
          assert(distance <= TOLERANCE, `tap ${tap + 1} at ${S} pixels: relative distance ${distance}`);
        });
      }
    });
  });
}

/** Relative L2 distance of each tap's share of features [N, C] from the stored values of [C, N]. */
function distances(found: Float32Array, values: Float32Array, N: number): number[] {
  const errors = TAPS.map(() => 0), norms = TAPS.map(() => 0);
  values.forEach((value, i) => {
    const channel = Math.floor(i * STEP / N), position = i * STEP % N;
    const tap = TAPS.findIndex((_, t) => channel < TAPS.slice(0, t + 1).reduce((a, b) => a + b));
    errors[tap] += (found[position * 720 + channel] - value) ** 2;
    norms[tap] += value ** 2;
  });
  return errors.map((error, tap) => Math.sqrt(error / norms[tap]));
}

/** The parameters of a BatchNorm over the stem's channels, all the same. */
const full = (value: number) => stored(new Float32Array(48).fill(value));

/** A file of these tensors, with some of them replaced or, by null, taken away. */
function fileOf(naming: NamingName, changes: Record<string, StoredTensor | null> = {}): TensorFile {
  const tensors = new Map(dicts.get(naming));
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor) tensors.set(name, tensor);
    else tensors.delete(name);
  }
  return { path: "weights.pth", tensors, metadata: {} };
}

Deno.test("a file without head and counters, or of half precision, gives what it should", () => {
  const file = fileOf("torchvision");
  const bare = new Map(
    [...file.tensors].filter(([name]) => !/^classifier|^features\.8|num_batches/.test(name)),
  );
  assert.equal(file.tensors.size - bare.size, 2 + 6 + 96 - 1);
  const whole = load(file, "efficientnet_b4");
  assert.deepEqual(load({ ...file, tensors: bare }, "efficientnet_b4"), whole);

  const name = "features.1.0.block.1.fc1.bias";
  const half = Float16Array.from(float32Of(file.tensors.get(name)!));
  bare.set(name, { dtype: "F16", shape: [12], bytes: new Uint8Array(half.buffer) });
  const loaded = load({ ...file, tensors: bare }, "efficientnet_b4");
  assert.deepEqual(loaded.blocks[0].reduce?.bias, Float32Array.from(half));
});

Deno.test("BatchNorm is folded in float64 and rounded once", () => {
  const layer = (gain: number, variance: number) =>
    load(
      fileOf("timm", {
        "conv_stem.weight": stored(new Float32Array(48 * 27).fill(0.3), [48, 3, 3, 3]),
        "bn1.weight": full(gain),
        "bn1.bias": full(0.1),
        "bn1.running_mean": full(0.7),
        "bn1.running_var": full(variance),
      }),
      "efficientnet_b4",
    ).stem;
  const f = Math.fround;
  const { weight, bias } = layer(1.1, 0.9), scale = f(1.1) / Math.sqrt(f(0.9) + 1e-5);
  assert.equal(weight[7], f(f(0.3) * scale));
  assert.equal(bias[47], f(f(0.1) - f(0.7) * scale));
  assert.equal(layer(1, 0).weight[0], f(f(0.3) / Math.sqrt(1e-5)));
});

Deno.test("what is no EfficientNet-B4, or another backbone's, is refused", () => {
  const b0 = fileOf("timm", { "conv_stem.weight": stored(new Float32Array(32 * 27), [32, 3, 3, 3]) });
  const other = {
    path: "weights.pth",
    tensors: new Map([["fc.weight", stored(new Float32Array(1))]]),
    metadata: {},
  };
  const bad = (name: string, index: number, value: number) => {
    const values = float32Of(dicts.get("timm")!.get(name)!);
    values[index] = value;
    return fileOf("timm", { [name]: stored(values, dicts.get("timm")!.get(name)!.shape) });
  };
  const wrong: [file: TensorFile, backbone: BackboneName, message: RegExp][] = [
    [
      other,
      "efficientnet_b4",
      /EfficientNet-B4 weights in weights.pth, named as in timm, .*\n.*1 other tensors \(fc.weight/,
    ],
    [{ ...other, tensors: new Map() }, "efficientnet_b4", /0 other tensors \(none/],
    [
      fileOf("torchvision"),
      "tf_efficientnet_b4",
      /the names of timm in weights.pth for tf_.*, but found those of torchvision/,
    ],
    [fileOf("EfficientNet-PyTorch"), "tf_efficientnet_b4", /but found those of EfficientNet-PyTorch/],
    [
      b0,
      "efficientnet_b4",
      /conv_stem.weight in weights.pth to have shape \[48,3,3,3\], but found \[32,3,3,3\]/,
    ],
    [
      fileOf("torchvision", { "features.0.0.weight": null, "features.7.1.block.3.1.bias": null }),
      "efficientnet_b4",
      /the 603 tensors of .* in weights.pth, named as in torchvision, but 2 are missing:\nfeatures.0.0.weight, features.7.1.block.3.1.bias$/,
    ],
    [
      bad("conv_stem.weight", 5, NaN),
      "efficientnet_b4",
      /conv_stem.weight of weights.pth, but found NaN at position 5/,
    ],
    [
      bad("blocks.6.1.bn3.running_mean", 447, Infinity),
      "efficientnet_b4",
      /running_mean .*Infinity at position 447/,
    ],
    [
      bad("bn1.running_var", 0, -0.5),
      "efficientnet_b4",
      /variances .* bn1.running_var of weights.pth, but found -0.5/,
    ],
    [
      fileOf("timm", { "bn1.weight": full(3e38), "bn1.running_var": full(0) }),
      "efficientnet_b4",
      /finite numbers in conv_stem.weight with bn1 of weights.pth, but found -?Infinity/,
    ],
    [
      fileOf("timm", { "bn1.weight": stored(new BigInt64Array(48)) }),
      "efficientnet_b4",
      /bn1.weight in weights.pth to hold floating-point numbers, but found dtype I64/,
    ],
  ];
  for (const [file, backbone, message] of wrong) {
    assert.throws(() => load(file, backbone), { name: "InputError", message });
  }
});
