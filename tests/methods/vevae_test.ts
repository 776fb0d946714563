/**
 * The loss that keeps the attention of latents apart: its gradient by a central difference against PyTorch's double backward
 * (tests/golden/vevae.py).
 *
 * @module
 */
import { Tape } from "../../src/autograd/tape.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { disentanglement, type Head } from "../../src/methods/vevae/attention.ts";
import { vevaeNetwork } from "../../src/methods/vevae/net.ts";
import { Network, shapesIn } from "../../src/model/network.ts";
import { fill } from "../fill.ts";
import { filled } from "../golden/features_fill.ts";
import { variants } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";

const S = 32, SHAPE = [3, S, S, 3], SIZE = SHAPE.reduce((a, b) => a * b);
const parts = vevaeNetwork({ S, width: 2, latent: 5, layer: 1 });
const shapes = Object.fromEntries([...shapesIn(parts)].map(([name, shape]) => [name, [...shape]]));
const values = new Map([...filled(shapes)].map(([name, tensor]) => [name, { data: float32Of(tensor) }]));

for (const [variant, on] of Object.entries(variants)) {
  Deno.test(`the gradient of latents' overlap is PyTorch's double backward, as ${variant}`, async () => {
    const { tensors } = await readSafetensors(
      new URL("../golden/vevae.safetensors", import.meta.url).pathname,
    );
    const golden = (name: string) => float32Of(tensors.get(name)!);
    using network = new Network(on, parts, values);
    await on.step(async (scope) => {
      const tape = new Tape(scope);
      const head: Head = (tape, A, options) => network.forward("head", tape, A, options);
      const x = scope.tensor(fill("test images", SIZE, 0, 1), SHAPE);
      const A = network.forward("features", new Tape(scope, { record: false }), x);
      A.requiresGrad = true;
      const loss = disentanglement(tape, A, head, [3, 1]);
      tape.backward(loss);
      const names = [...network.parameters.entries()].map(([name]) => name).filter((name) =>
        name.startsWith("head.")
      );
      const gradients = names.map((name) => tape.gradient(network.parameters.get(name)));
      const [value, dA, ...found] = await scope.stream.read(loss, tape.gradient(A), ...gradients);
      assertClose(value, golden("overlap"), 1e-5, "loss:");
      assertClose(dA, golden("overlap.A"), 1e-5, "by A:");
      const all = (of: Float32Array[]) => of.flatMap((values) => [...values]);
      assertClose(all(found), all(names.map((name) => golden(`overlap.${name}`))), 1e-5, "by the head:");
    });
  });
}
