/**
 * U-Nets: their sizes, their two ways, and what they refuse; the numbers are tested where methods have PyTorch twins.
 *
 * @module
 */
import { deepEqual, notDeepEqual, ok, throws } from "node:assert/strict";
import { scale } from "../../src/autograd/arithmetic.ts";
import { concat } from "../../src/autograd/shapes.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Layer } from "../../src/model/layers.ts";
import { initialValues, Network, shapesIn } from "../../src/model/network.ts";
import { unet } from "../../src/model/unet.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

const B = 2, S = 8, x = fill("x", B * S * S * 3);

/** What a layer makes of x [2, 8, 8, 3] with the values of a seed. */
async function passed(layer: Layer): Promise<{ shape: readonly number[]; data: Float32Array }> {
  using network = new Network(gpu, { net: layer }, initialValues({ net: layer }, 1));
  return await gpu.step(async (scope) => {
    const y = network.forward("net", new Tape(scope, { record: false }), scope.tensor(x, [B, S, S, 3]));
    return { shape: y.shape, data: await scope.read(y) };
  });
}

Deno.test("a U-Net has the widths that it is told, one pair of convolutions less on the way up", () => {
  const shapes = shapesIn({ net: unet({ inputs: 3, outputs: 5, widths: [64, 128, 256, 512, 512] }) });
  const weights = [...shapes].filter(([, shape]) => shape.length === 4);
  const of = (way: string) =>
    weights.filter(([name]) => name.startsWith(`net.${way}`)).map(([, [O, C]]) => `${C}-${O}`);
  deepEqual(of("down"), [
    "3-64",
    "64-64",
    "64-128",
    "128-128",
    "128-256",
    "256-256",
    "256-512",
    "512-512",
    "512-512",
    "512-512",
  ]);
  deepEqual(of("up"), ["128-64", "64-64", "256-64", "64-64", "512-128", "128-128", "1024-256", "256-256"]);
  deepEqual(of("last"), ["64-5"]);
});

Deno.test("U-Nets of every normalisation keep the side, and look at what lies beside the deepest maps", async () => {
  for (const norm of ["batch", "instance", "none"] as const) {
    const sizes = { inputs: 3, outputs: 4, widths: [16, 16, 16], norm };
    const { shape, data } = await passed(unet(sizes));
    deepEqual(shape, [B, S, S, 4]);
    ok(data.every(Number.isFinite) && new Set(data).size > B * S * S);

    const wide = unet({ ...sizes, beside: 16 });
    const besides = [1, 2].map((factor) =>
      passed({
        ...wide,
        forward(x, pass) {
          const maps = wide.encode(x, pass), deepest = maps.pop()!;
          const beside = scale(pass.tape, deepest, factor);
          return wide.decode([...maps, concat(pass.tape, [deepest, beside])], pass);
        },
      })
    );
    const [once, twice] = await Promise.all(besides);
    deepEqual(once.shape, [B, S, S, 4]);
    notDeepEqual(once, twice);
  }
});

Deno.test("maps whose sides can't be halved often enough are refused", async () => {
  const net = unet({ inputs: 3, outputs: 3, widths: [4, 4, 4, 4, 4] });
  using network = new Network(gpu, { net }, initialValues({ net }, 1));
  await gpu.step((scope) => {
    throws(() => network.forward("net", new Tape(scope), scope.tensor(x, [B, S, S, 3])), {
      name: "RangeError",
      message: "Expected maps whose sides are multiples of 16, but found [2,8,8,3]",
    });
  });
});
