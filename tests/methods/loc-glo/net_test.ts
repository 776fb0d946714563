/**
 * What Loc-Glo's networks see: Local-Net a patch and nothing else, Global-Net what is around it and nothing of it. What its heads
 * learn to find is made of an image and stays within 0..1.
 *
 * @module
 */
import { deepEqual, notDeepEqual, ok, throws } from "node:assert/strict";
import { Random } from "../../../src/hash.ts";
import { locGloNets, PATCHES, STEP } from "../../../src/methods/loc-glo/net.ts";
import { distorted, moved } from "../../../src/methods/loc-glo/patches.ts";
import { scoringTape } from "../../../src/methods/trained.ts";
import { initialValues, Network } from "../../../src/model/network.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";

for (const patch of PATCHES) {
  Deno.test(`Local-Net sees ${patch}×${patch} pixels, Global-Net only what is around them`, async () => {
    const S = 112, u = S / STEP / 2, D = 4, at = (u * S / STEP + u) * D;
    const parts = locGloNets({ C: 3, patch, width: 2, code: D });
    using network = new Network(gpu, parts, initialValues(parts, 0));
    const first = STEP * u - (patch - STEP) / 2;
    const isWithin = (place: number) =>
      [Math.floor(place / S), place % S].every((i) => i >= first && i < first + patch);
    const image = fill("an image", S * S * 3, 0, 1), other = fill("another", S * S * 3, 0, 1);
    const mix = (where: boolean) => image.map((x, i) => isWithin(Math.floor(i / 3)) === where ? other[i] : x);
    const see = (net: string, pixels: Float32Array) =>
      gpu.step(async (gpu) => {
        const y = network.forward(net, scoringTape(gpu), gpu.tensor(pixels, [1, S, S, 3]));
        return (await gpu.read(y)).slice(at, at + D);
      });
    for (const [net, where] of [["local", true], ["global", false]] as const) {
      const before = await see(net, image);
      deepEqual(await see(net, mix(!where)), before, net);
      notDeepEqual(await see(net, mix(where)), before, net);
    }
    // No smaller patch would do: one line less of it, and Local-Net sees a difference.
    const border = image.map((x, i) => Math.floor(i / 3 / S) === first ? other[i] : x);
    notDeepEqual(await see("local", border), await see("local", image));
  });
}

Deno.test("there are no networks for patches of other sizes", () => {
  throws(
    () => locGloNets({ C: 3, patch: 20, width: 2, code: 2 }),
    /Expected patches of 18, 26, 34, but found 20/,
  );
});

Deno.test("images are moved by a patch at least, and distorted everywhere within 0..1", () => {
  const S = 40, patch = 18, image = fill("an image", S * S * 3, 0, 1);
  for (let seed = 0; seed < 12; seed++) {
    const random = new Random(seed), there = moved(random, image, S, patch);
    deepEqual(there.toSorted(), image.toSorted());
    const row = Array.from({ length: S }, (_, y) => y).find((y) =>
      new Set(image.slice(3 * y * S, 3 * (y + 1) * S)).has(there[0])
    )!;
    ok(row >= patch && row <= S - patch, `row ${row}`);
    const changed = distorted(random, image, S, patch);
    ok(changed.every((x) => x >= 0 && x <= 1));
    for (let y = 0; y + patch <= S; y += patch / 2) {
      for (let x = 0; x + patch <= S; x += patch / 2) {
        const at = (i: number) => 3 * ((y + Math.floor(i / patch)) * S + x + i % patch);
        ok(
          Array.from({ length: patch ** 2 }, (_, i) => at(i)).some((i) => changed[i] !== image[i]),
          `${y}, ${x}`,
        );
      }
    }
  }
});
