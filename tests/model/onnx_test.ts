/**
 * Backbones as ONNX graphs give the features that they give on the GPU: every family, padding and naming, and sizes that
 * divide evenly and not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { OnnxGraph } from "../../src/formats/onnx.ts";
import { inputTables, normalise } from "../../src/model/backbone.ts";
import { backboneOnnx } from "../../src/model/backbone_onnx.ts";
import type { BackboneName } from "../../src/model/backbones.ts";
import { EfficientNet } from "../../src/model/efficientnet.ts";
import { efficientNetOnnx } from "../../src/model/efficientnet_onnx.ts";
import type { FoldedConv } from "../../src/model/fold.ts";
import type { TappedNetwork } from "../../src/model/neck.ts";
import { type OnnxMap, positionsOf } from "../../src/model/onnx.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { ResNet, type ResNetWeights } from "../../src/model/resnet.ts";
import { resNetOnnx } from "../../src/model/resnet_onnx.ts";
import { fill } from "../fill.ts";
import { networkStateDict } from "../golden/networks_fill.ts";
import { gpu } from "../gpu.ts";
import { joined, runOnnx } from "../onnx.ts";
import { relativeL2 } from "../reference/backbone.ts";
import { madeUpWeights } from "../reference/efficientnet_weights.ts";

const TOLERANCE = 2e-5, B = 2;

/** A backbone, whose weights it has, and sizes of images and feature maps. */
type Case = [name: BackboneName, weights: string | null, sizes: [S: number, H: number][], pooled?: number[]];

// Of each family and padding one: what differs elsewhere is the weights, and what is large is seen below.
const networks = ["resnet18", "vgg11_bn", "efficientnet_b0 timm", "efficientnet_lite0 bundled"];
const CASES: Case[] = [
  ...networks.map((name): Case => [
    name.split(" ")[0] as BackboneName,
    name.endsWith("bundled") ? null : name,
    [[40, 5]],
    [1, 2],
  ]),
  ["gabor", null, [[32, 4], [33, 6], [24, 24], [8, 1]]],
  ["gabor2", null, [[33, 6]]],
  ["pixels", null, [[24, 6]]],
];

for (const [name, weights, sizes, pooledLevels] of CASES) {
  Deno.test(`${name}${weights ? ` (${weights})` : ""} as ONNX`, async () => {
    const file = weights === null
      ? null
      : { path: "weights", tensors: networkStateDict(weights), metadata: {} };
    for (const [S, H] of sizes) {
      const options = { levels: "all", pooledLevels, image_size: S, feature_size: H };
      const images = Uint8Array.from(fill(`images ${S}`, B * S * S * 3, 0, 256));
      images.fill(200, S * S * 3); // the second one is flat: nothing but what keeps logarithms finite
      using backbone = await openBackbone(gpu, name, file, options);
      const [features, pooled] = await gpu.step((on) => {
        const means = on.empty([B, backbone.pooledChannels]);
        return on.stream.read(backbone.features(on, images, B, S, H, H, means), means);
      });

      const graph = new OnnxGraph();
      const shape = ["batch", S, S, 3];
      const made = await backboneOnnx(
        graph,
        graph.input({ name: "images", type: "uint8", shape, about: "" }),
        name,
        file,
        options,
      );
      const { channels: C, pooledChannels: P, fingerprint } = backbone;
      assert.deepEqual([made.channels, made.pooledChannels, made.fingerprint], [C, P, fingerprint]);
      graph.output({ name: "f", type: "float", shape: ["batch", H * H, C], about: "" }, made.features);
      graph.output({ name: "p", type: "float", shape: ["batch", P], about: "" }, made.pooled);
      const model = await joined(graph.encode({ producer: "test", version: "0", metadata: {} }));
      const found = await runOnnx(model, images, [B, S, S, 3]);
      for (let b = 0; b < B; b++) {
        const of = (values: Float32Array) =>
          values.subarray(b * values.length / B, (b + 1) * values.length / B);
        assert.ok(relativeL2(of(found.f), of(features)) <= TOLERANCE, `features of image ${b}, ${S}`);
        assert.ok(relativeL2(of(found.p), of(pooled)) <= TOLERANCE, `means of image ${b}, ${S}`);
      }
    }
  });
}

/** A convolution's made-up values. */
function layer(name: string, out: number, inputs: number, kernel: number): FoldedConv {
  const fanIn = inputs * kernel * kernel, bound = Math.sqrt(3 / fanIn);
  const weight = fill(`${name}.weight`, out * fanIn, -bound, bound);
  return { weight, bias: fill(`${name}.bias`, out, -0.1, 0.1), out, in: inputs, kernel };
}

/** A ResNet of bottlenecks, 16 channels out, then 32. */
const bottlenecks: ResNetWeights = {
  stem: layer("stem", 8, 3, 7),
  blocks: [[0, 8, 16], [0, 16, 16], [1, 16, 32]].map(([stage, inputs, out], i) => ({
    stage,
    stride: stage === 1 ? 2 : 1,
    convs: [layer(`${i}.1`, 4, inputs, 1), layer(`${i}.2`, 4, 4, 3), layer(`${i}.3`, out, 4, 1)],
    downsample: inputs === out ? null : layer(`${i}.downsample`, out, inputs, 1),
  })),
};
const sameB4 = madeUpWeights("same");
const NETWORKS: [what: string, network: TappedNetwork, S: number, onnx: typeof resNetTaps][] = [
  ["a ResNet of bottlenecks", new ResNet(gpu, bottlenecks), 33, resNetTaps],
  ["EfficientNet-B4 padded as TensorFlow does", new EfficientNet(gpu, sameB4), 35, efficientNetTaps],
];

function resNetTaps(graph: OnnxGraph, x: string, S: number): OnnxMap[] {
  return resNetOnnx(graph, bottlenecks, x, S);
}

function efficientNetTaps(graph: OnnxGraph, x: string, S: number): OnnxMap[] {
  return efficientNetOnnx(graph, sameB4, x, S);
}

for (const [what, network, S, onnx] of NETWORKS) {
  Deno.test(`taps of ${what} as ONNX`, async () => {
    const images = Uint8Array.from(fill("images", S * S * 3, 0, 256));
    const tables = inputTables({ scale: 1, mean: [0, 0, 0], deviation: [100, 100, 100] });
    const x = gpu.tensor(normalise(images, tables, network.inputs), [1, S, S, network.inputs]);
    const wanted: { shape: readonly number[]; values: Float32Array }[] = [];
    for (const tap of network.taps(gpu, x)) {
      wanted.push({ shape: tap.shape, values: Float32Array.from(await gpu.read(tap)) });
    }

    const graph = new OnnxGraph(), shape = ["batch", S, S, 3];
    const pixels = graph.input({ name: "images", type: "uint8", shape, about: "" });
    const scaled = graph.node("Div", [graph.node("Cast", [pixels], { to: 1 }), graph.scalar(100)]);
    const taps = onnx(graph, graph.node("Transpose", [scaled], { perm: [0, 3, 1, 2] }), S);
    assert.deepEqual(
      taps.map(({ channels, side }) => [1, side, side, channels]),
      wanted.map(({ shape }) => shape),
    );
    taps.forEach(({ value, channels, side }, i) => {
      const tokens = positionsOf(graph, value, channels), shape = ["batch", side * side, channels];
      graph.output({ name: `tap${i}`, type: "float", shape, about: "" }, tokens);
    });
    const model = await joined(graph.encode({ producer: "test", version: "0", metadata: {} }));
    const found = await runOnnx(model, images, [1, S, S, 3]);
    wanted.forEach(({ values }, i) =>
      assert.ok(relativeL2(found[`tap${i}`], values) <= TOLERANCE, `tap ${i}`)
    );
    gpu.release(x);
    network[Symbol.dispose]();
  });
}
