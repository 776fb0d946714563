/**
 * The gradient by the image that `vae-grad` follows, against PyTorch's (tests/golden/vae.py), and where it leads.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { energyGradient, project } from "../../src/methods/vae-grad/energy.ts";
import { variationalAutoencoder } from "../../src/methods/vae/net.ts";
import { Network, shapesIn } from "../../src/model/network.ts";
import { fill } from "../fill.ts";
import { filled } from "../golden/features_fill.ts";
import { variants } from "../hardware.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

const S = 32, SHAPE = [3, S, S, 3], SIZE = SHAPE.reduce((a, b) => a * b);
const parts = variationalAutoencoder({ S, width: 4, latent: 6 });
const values = new Map(
  [...filled(Object.fromEntries([...shapesIn(parts)].map(([name, shape]) => [name, [...shape]])))].map((
    [name, tensor],
  ) => [name, { data: float32Of(tensor) }]),
);

for (const [variant, on] of Object.entries(variants)) {
  Deno.test(`the energy's gradient by the image is PyTorch's, as ${variant}`, async () => {
    const { tensors } = await readSafetensors(
      new URL("../golden/vae-grad.safetensors", import.meta.url).pathname,
    );
    using network = new Network(on, parts, values);
    await on.step(async (scope) => {
      const x = scope.tensor(fill("other images", SIZE, 0, 1), SHAPE);
      const x0 = scope.tensor(fill("test images", SIZE, 0, 1), SHAPE);
      const { gradient, errors } = energyGradient(scope, network, x, x0, 0.4);
      const found = await scope.stream.read(gradient, errors);
      assertClose(found[0], float32Of(tensors.get("energy.gradient")!), 1e-5, "gradient:");
      assertClose(found[1], float32Of(tensors.get("energy.errors")!), 1e-5, "errors:");
    });
  });
}

Deno.test("the energy falls along the projection, which stays near the image the more the larger λ", async () => {
  using network = new Network(gpu, parts, values);
  const x0 = gpu.tensor(fill("test images", SIZE, 0, 1), SHAPE), before = gpu.memory.stats().inUse;
  const at = async (iterations: number, l1_weight: number) => {
    const x = await project(gpu, network, x0, { iterations, l1_weight, step_size: 0.1 });
    const [moved, squares] = await gpu.step(async (scope) => {
      const [a, b] = await scope.stream.read(x, x0);
      const { errors } = energyGradient(scope, network, x, x0, l1_weight);
      return [
        a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0),
        (await scope.read(errors)).reduce((sum, value) => sum + value, 0),
      ];
    });
    gpu.release(x);
    return { moved, energy: squares + l1_weight * moved };
  };
  const [none, few, many] = [await at(0, 0.1), await at(5, 0.1), await at(10, 0.1)], near = await at(10, 1);
  ok(none.moved === 0 && few.moved > 0 && many.moved > few.moved, `${none.moved} ${few.moved} ${many.moved}`);
  ok(many.energy < few.energy && few.energy < none.energy, `${none.energy} ${few.energy} ${many.energy}`);
  ok(near.moved < many.moved, `${near.moved} ${many.moved}`);
  const far = await project(gpu, network, x0, { iterations: 3, l1_weight: 0, step_size: 1e6 });
  ok((await gpu.read(far)).every((value) => value >= 0 && value <= 1), "an image, however long a step is");
  gpu.release(far);
  gpu.release(x0);
  ok(gpu.memory.stats().inUse < before);
});
