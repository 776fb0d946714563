import assert from "node:assert/strict";
import {
  type BackboneName,
  BACKBONES,
  type EfficientNetDescription,
  type ResNetDescription,
} from "../../src/model/backbones.ts";
import * as efficientnet from "../../src/model/efficientnet_weights.ts";
import { inspectWeights } from "../../src/host/inspect_weights.ts";
import { bundledWeights } from "../../src/model/bundled_weights.ts";
import { networkOf } from "../../src/model/recognise.ts";
import * as resnet from "../../src/model/resnet_weights.ts";
import { readWeightFile, writeSafetensors } from "../../src/host/tensor_files.ts";
import { stored, type StoredTensor, type TensorFile } from "../../src/formats/tensor_file.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { inFolder } from "../folder.ts";
import { filledStateDict } from "../golden/features_fill.ts";
import { networkStateDict } from "../golden/networks_fill.ts";
import { gpu } from "../gpu.ts";

const loadEfficientNet = (file: TensorFile, name: BackboneName) =>
  efficientnet.loadEfficientNet(file, name, BACKBONES[name] as EfficientNetDescription);
const loadResNet = (file: TensorFile, name: BackboneName) =>
  resnet.loadResNet(file, BACKBONES[name] as ResNetDescription);

const dicts = {
  resnet18: networkStateDict("resnet18"),
  resnet34: networkStateDict("resnet34"),
  b0: networkStateDict("efficientnet_b0 timm"),
  b4: filledStateDict("torchvision"),
  lukemelas: networkStateDict("efficientnet_b0 EfficientNet-PyTorch"),
  lite1: networkStateDict("efficientnet_lite1"),
  lite2: networkStateDict("efficientnet_lite2"),
};

/** A file of these tensors, with some of them replaced or, by null, taken away. */
function fileOf(name: keyof typeof dicts, changes: Record<string, StoredTensor | null> = {}): TensorFile {
  const tensors = new Map(dicts[name]);
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor) tensors.set(name, tensor);
    else tensors.delete(name);
  }
  return { path: "weights.pth", tensors, metadata: {} };
}

const lite0 = await bundledWeights("efficientnet_lite0");
const one = stored(new Float32Array(1));

Deno.test("networks are told apart by names and shapes", () => {
  assert.equal(networkOf(fileOf("resnet18")), "ResNet-18");
  assert.equal(networkOf(fileOf("resnet34")), "ResNet-34");
  assert.equal(networkOf(fileOf("b0")), "EfficientNet-B0");
  assert.equal(networkOf(fileOf("b4")), "EfficientNet-B4");
  assert.equal(networkOf(fileOf("lukemelas")), "EfficientNet-B0");
  assert.equal(networkOf(fileOf("lite1")), "EfficientNet-Lite1");
  assert.equal(networkOf(fileOf("lite2")), "EfficientNet-Lite2");
  assert.equal(networkOf(lite0), "EfficientNet-Lite0");
  assert.equal(networkOf(fileOf("resnet34", { "layer3.5.conv1.weight": null })), undefined);
  assert.equal(networkOf({ path: "", tensors: new Map(), metadata: {} }), undefined);

  const bottlenecks = (blocks: number, out: number, inputs: number) => {
    const conv = { ...one, shape: [out, inputs, 3, 3] };
    const names = Array.from({ length: blocks }, (_, i) => `layer1.${i}.conv1.weight`);
    const tensors = new Map([...names, "layer1.0.conv3.weight"].map((name) => [name, one]));
    return networkOf({ path: "", tensors: tensors.set("layer1.0.conv2.weight", conv), metadata: {} });
  };
  assert.equal(bottlenecks(16, 64, 64), "ResNet-50");
  assert.equal(bottlenecks(16, 128, 128), "Wide ResNet-50-2");
  assert.equal(bottlenecks(16, 128, 4), "ResNeXt-50-32x4d");
  assert.equal(bottlenecks(33, 64, 64), "ResNet-101");
  assert.equal(bottlenecks(17, 64, 64), undefined);
});

Deno.test("a file of another network is refused, with what it looks like, also where it has all tensors", () => {
  const b1 = fileOf("b0"); // one block more in all stages, and a wider last one
  const wide = { ...one, shape: [1920, 1, 3, 3] };
  for (let stage = 0; stage < 7; stage++) {
    b1.tensors.set(`blocks.${stage}.9.conv_dw.weight`, wide);
  }
  const wrong: [load: () => unknown, message: RegExp][] = [
    [
      () => loadResNet(fileOf("resnet34"), "resnet18"),
      /^Expected ResNet-18 weights in weights.pth, but found what looks like ResNet-34$/,
    ],
    [() => loadResNet(fileOf("resnet18"), "resnet34"), /ResNet-34 weights .* looks like ResNet-18/],
    [() => loadResNet(fileOf("resnet34"), "wide_resnet50_2"), /Wide ResNet-50-2 .* looks like ResNet-34/],
    [() => loadResNet(fileOf("b0"), "resnet18"), /ResNet-18 weights .* looks like EfficientNet-B0/],
    [() => loadEfficientNet(fileOf("resnet18"), "efficientnet_b4"), /B4 weights .* looks like ResNet-18/],
    [() => loadEfficientNet(fileOf("resnet18"), "tf_efficientnet_b4"), /B4 weights .* looks like ResNet-18/],
    [() => loadEfficientNet(fileOf("b4"), "efficientnet_b0"), /B0 weights .* looks like EfficientNet-B4/],
    [() => loadEfficientNet(fileOf("b0"), "efficientnet_b4"), /B4 weights .* looks like EfficientNet-B0/],
    [
      () => loadEfficientNet(lite0, "efficientnet_b0"),
      /B0 weights in .*lite0.safetensors, .* looks like EfficientNet-Lite0/,
    ],
    [
      () => loadEfficientNet(fileOf("lukemelas"), "efficientnet_lite0"),
      /Lite0 weights in .* looks like EfficientNet-B0/,
    ],
    [
      () => loadEfficientNet(fileOf("lite2"), "efficientnet_lite1"),
      /Lite1 weights .* looks like EfficientNet-Lite2/,
    ],
    [() => loadEfficientNet(b1, "efficientnet_b0"), /B0 weights .* looks like EfficientNet-B1/],
    [
      // A network that is not known, but has all of ResNet-18's tensors.
      () => loadResNet(fileOf("resnet34", { "layer1.2.conv1.weight": null }), "resnet18"),
      /^Expected ResNet-18 in weights.pth and nothing more in its blocks, but found \d+ further tensors:\nlayer1.2/,
    ],
    [
      () => loadResNet(fileOf("resnet18", { "layer1.0.se.fc1.weight": one }), "resnet18"),
      /but found 1 further tensors:\nlayer1.0.se.fc1.weight$/,
    ],
    [
      () => loadEfficientNet(fileOf("b0", { "blocks.1.2.conv_dw.weight": one }), "efficientnet_b0"),
      /EfficientNet-B0 in weights.pth and nothing more .*\nblocks.1.2.conv_dw.weight$/,
    ],
    [
      () => loadResNet(fileOf("resnet18", { "conv1.weight": null, "layer4.1.bn2.bias": null }), "resnet18"),
      /the 100 tensors of ResNet-18 in weights.pth, named as in torchvision and timm, but 2 are missing:\nconv1.weight, layer4.1.bn2.bias$/,
    ],
    [
      () => loadResNet({ path: "w", tensors: new Map([["fc.weight", one]]), metadata: {} }, "resnet34"),
      /ResNet-34 weights in w, named as in torchvision and timm,\nbut found 1 other tensors \(fc.weight, …\)/,
    ],
    [
      () =>
        loadResNet(
          fileOf("resnet18", { "conv1.weight": stored(new Float32Array(64), [64, 1, 1, 1]) }),
          "resnet18",
        ),
      /conv1.weight in weights.pth to have shape \[64,3,7,7\], but found \[64,1,1,1\]/,
    ],
    [
      () =>
        loadResNet(
          fileOf("resnet18", { "bn1.running_var": stored(new Float32Array(64).fill(-1)) }),
          "resnet18",
        ),
      /variances of at least 0 in bn1.running_var of weights.pth, but found -1/,
    ],
  ];
  for (const [load, message] of wrong) assert.throws(load, { name: "InputError", message });
});

Deno.test("strides, sizes and what may be missing are ResNet's", () => {
  const bare = new Map([...dicts.resnet18].filter(([name]) => !/^fc|num_batches/.test(name)));
  assert.equal(bare.size, 100);
  const weights = loadResNet({ ...fileOf("resnet18"), tensors: bare }, "resnet18");
  assert.deepEqual(weights, loadResNet(fileOf("resnet18"), "resnet18"));
  assert.deepEqual(weights.blocks.map(({ stride }) => stride), [1, 1, 2, 1, 2, 1, 2, 1]);
  assert.deepEqual(weights.blocks.map(({ downsample }) => downsample?.out ?? 0), [
    0,
    0,
    128,
    0,
    256,
    0,
    512,
    0,
  ]);
});

Deno.test("a weight file that is cut off or named wrongly is refused, and its report says the same", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/resnet34.safetensors`; // says its name
    await writeSafetensors(path, dicts.resnet18);
    const open = async (name: BackboneName, path: string) =>
      await openBackbone(gpu, name, await readWeightFile(path));
    const message = `Expected ResNet-34 weights in ${path}, but found what looks like ResNet-18`;
    await assert.rejects(open("resnet34", path), { name: "InputError", message });
    const { network, backbone, problem, naming } = await inspectWeights(path);
    assert.deepEqual([network, backbone, problem, naming], ["ResNet-18", "resnet18", null, null]);

    const bytes = await Deno.readFile(path), cut = `${folder}/cut.safetensors`;
    await Deno.writeFile(cut, bytes.subarray(0, bytes.length - 1000));
    await assert.rejects(open("resnet18", cut), { name: "InputError", message: /cut.safetensors/ });

    const tensors = new Map([...dicts.resnet18].filter(([name]) => !name.startsWith("layer4")));
    await writeSafetensors(cut, tensors);
    await assert.rejects(open("resnet18", cut), {
      name: "InputError",
      message: /25 are missing:\nlayer4.0.conv1/,
    });
  });
});
