/**
 * VGGs' weight files: which are taken, and what is said of the others.
 *
 * @module
 */
import assert from "node:assert/strict";
import { inspectWeights } from "../../src/host/inspect_weights.ts";
import { writeSafetensors } from "../../src/host/tensor_files.ts";
import { stored, type StoredTensor, type TensorFile } from "../../src/formats/tensor_file.ts";
import { type BackboneName, BACKBONES, type VggDescription } from "../../src/model/backbones.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { networkOf } from "../../src/model/recognise.ts";
import * as vgg from "../../src/model/vgg_weights.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { networkStateDict } from "../golden/networks_fill.ts";
import { gpu } from "../gpu.ts";

const dicts = { vgg11_bn: networkStateDict("vgg11_bn"), vgg16: networkStateDict("vgg16") };
const one = stored(new Float32Array(1)), conv = { ...one, shape: [4, 4, 3, 3] };

/** A file of these tensors, with some of them replaced or, by null, taken away. */
function fileOf(name: keyof typeof dicts, changes: Record<string, StoredTensor | null> = {}): TensorFile {
  const tensors = new Map(dicts[name]);
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor) tensors.set(name, tensor);
    else tensors.delete(name);
  }
  return { path: "weights.pth", tensors, metadata: {} };
}

const load = (file: TensorFile, name: BackboneName) => vgg.loadVgg(file, BACKBONES[name] as VggDescription);

Deno.test("VGGs are told apart by their convolutions and by BatchNorm, and from what is called alike", () => {
  const looks = (tensors: Record<string, StoredTensor>) =>
    networkOf({ path: "", tensors: new Map(Object.entries(tensors)), metadata: {} });
  const convs = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`features.${2 * i}.weight`, conv]));
  assert.equal(networkOf(fileOf("vgg16")), "VGG-16");
  assert.equal(networkOf(fileOf("vgg11_bn")), "VGG-11 with BatchNorm");
  assert.equal(looks(convs(8)), "VGG-11");
  assert.equal(looks({ ...convs(13), "features.1.running_mean": one }), "VGG-16 with BatchNorm");
  assert.equal(looks(convs(16)), "VGG-19");
  assert.equal(looks(convs(5)), undefined);
  assert.equal(looks({ "features.0.weight": { ...one, shape: [64, 3, 11, 11] } }), undefined); // AlexNet
});

Deno.test("a head is not read, convolutions lie in their groups, and a bias goes through its BatchNorm", () => {
  const bare = new Map([...dicts.vgg16].filter(([name]) => name.startsWith("features.")));
  assert.equal(bare.size, 26);
  const weights = load({ ...fileOf("vgg16"), tensors: bare }, "vgg16");
  assert.deepEqual(weights, load(fileOf("vgg16"), "vgg16"));
  assert.deepEqual(weights.groups.map((convs) => convs.map((conv) => [conv.in, conv.out])), [
    [[3, 64], [64, 64]],
    [[64, 128], [128, 128]],
    [[128, 256], [256, 256], [256, 256]],
    [[256, 512], [512, 512], [512, 512]],
    [[512, 512], [512, 512], [512, 512]],
  ]);
  const of = (value: number) => stored(new Float32Array(64).fill(value));
  const [[first]] = load(
    fileOf("vgg11_bn", {
      "features.0.bias": of(3),
      "features.1.weight": of(2),
      "features.1.bias": of(0.5),
      "features.1.running_mean": of(1),
      "features.1.running_var": of(4 - 1e-5),
    }),
    "vgg11_bn",
  ).groups;
  assert(first.bias.every((bias) => Math.abs(bias - (0.5 + (3 - 1) * 2 / 2)) < 1e-6), `${first.bias[0]}`);
});

Deno.test("a file of another network is refused, with what it looks like or what is missing", () => {
  const wrong: [load: () => unknown, message: RegExp][] = [
    [
      () => load(fileOf("vgg11_bn"), "vgg16"),
      /^Expected VGG-16 weights in weights.pth, but found what looks like VGG-11 with BatchNorm$/,
    ],
    [() => load(fileOf("vgg16"), "vgg11_bn"), /VGG-11 with BatchNorm weights .* looks like VGG-16$/],
    [
      () => load({ path: "w", tensors: networkStateDict("resnet18"), metadata: {} }, "vgg16"),
      /^Expected VGG-16 weights in w, but found what looks like ResNet-18$/,
    ],
    [
      () =>
        load(fileOf("vgg11_bn", { "features.0.bias": null, "features.26.running_var": null }), "vgg11_bn"),
      /the 48 tensors of VGG-11 with BatchNorm in weights.pth, named as in torchvision and timm, but 2 are missing:\nfeatures.0.bias, features.26.running_var$/,
    ],
    [
      () => load(fileOf("vgg16", { "features.40.scale": one }), "vgg16"),
      /nothing more in its blocks, but found 1 further tensors:\nfeatures.40.scale$/,
    ],
    [
      () => load(fileOf("vgg16", { "features.2.weight": conv }), "vgg16"),
      /features.2.weight in weights.pth to have shape \[64,64,3,3\], but found \[4,4,3,3\]/,
    ],
    [
      () => load({ path: "w", tensors: new Map([["fc.weight", one]]), metadata: {} }, "vgg16"),
      /VGG-16 weights in w, named as in torchvision and timm,\nbut found 1 other tensors \(fc.weight, …\)/,
    ],
  ];
  for (const [load, message] of wrong) assert.throws(load, { name: "InputError", message });
});

Deno.test("a weight file's report says what it is to be opened as", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/w.safetensors`;
    await writeSafetensors(path, dicts.vgg11_bn);
    const { network, backbone, problem, naming } = await inspectWeights(path);
    assert.deepEqual([network, backbone, problem, naming], [
      "VGG-11 with BatchNorm",
      "vgg11_bn",
      null,
      null,
    ]);
  });
});

Deno.test("an image's features are the same bits alone and in a batch; images too small are refused", async () => {
  const file = fileOf("vgg11_bn"), S = 37, images = Uint8Array.from(fill("images", 3 * S * S * 3, 0, 256));
  await assert.rejects(openBackbone(gpu, "vgg11_bn", file, { image_size: 31 }), {
    name: "SettingError",
    message: "Expected image_size to be at least 32 for the backbone vgg11_bn, but found 31",
  });
  const { inUse } = gpu.memory.stats();
  {
    using backbone = await openBackbone(gpu, "vgg11_bn", file, { levels: "2,5", image_size: S });
    assert.deepEqual(backbone.levelChannels, [128, 512]);
    const features = (from: number, count: number) =>
      gpu.step((on) => {
        const bytes = images.subarray(from * S * S * 3, (from + count) * S * S * 3);
        return on.read(backbone.features(on, bytes, count, S, 5, 5));
      });
    const all = await features(0, 3), each = all.length / 3;
    for (const i of [0, 1, 2]) {
      assert.deepEqual(await features(i, 1), all.subarray(i * each, (i + 1) * each), `image ${i}`);
    }
  }
  assert.equal(gpu.memory.stats().inUse, inUse);
});
