/**
 * GradCon's constraint: its gradient, a central difference, against PyTorch's double backward.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import type { Tape } from "../../src/autograd/tape.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { constrain } from "../../src/methods/gradcon/constraint.ts";
import { autoencoder, CONSTRAINED, reconstruct } from "../../src/methods/gradcon/net.ts";
import { Gates } from "../../src/model/gates.ts";
import { Network } from "../../src/model/network.ts";
import { fill } from "../fill.ts";
import { filled } from "../golden/features_fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

Deno.test("the gradient of GradCon's loss is that of PyTorch's double backward", async () => {
  const json = new URL("../golden/gradcon.json", import.meta.url);
  const { settings, shapes } = JSON.parse(readFileSync(json, "utf8"));
  const { tensors } = await readSafetensors(json.pathname.replace(/json$/, "safetensors"));
  const { image_size: S, width, batch_size: B, constraint_weight } = settings;
  const values = new Map(
    [...filled(shapes)].map(([name, tensor]) => [name, { data: float32Of(tensor) }] as const),
  );
  using net = new Network(gpu, autoencoder({ S, width }), values);
  const before = await gpu.read(net.parameters.values);
  await gpu.step(async (scope) => {
    const pixels = scope.tensor(fill("train images", 8 * S * S * 3, 0, 1).slice(0, B * S * S * 3), [
      B,
      S,
      S,
      3,
    ]);
    const past = CONSTRAINED.map((name) =>
      scope.tensor(values.get(`past.${name}`)!.data, shapes[`past.${name}`])
    );
    const gates = new Gates();
    const errorOf = (tape: Tape) =>
      meanSquaredError(tape, reconstruct(net, tape, pixels, { gates: gates.pass() }), pixels);
    constrain(scope, net.parameters, errorOf, past, constraint_weight);
    const found = await net.parameters.read(net.parameters.gradients, scope);
    for (const [name, { data }] of found) {
      const [plain, whole] = ["plain", "whole"].map((kind) => float32Of(tensors.get(`${kind}.${name}`)!));
      const second = whole.map((value, i) => value - plain[i]);
      assertClose(data.map((value, i) => value - plain[i]), second, 2e-3, `${name}:`);
    }
  });
  assert.deepEqual(await gpu.read(net.parameters.values), before, "the parameters stay");
});
