/**
 * Every trained method whose twin needs nothing but its file.
 *
 * @module
 */
import { checkTwin } from "./twin.ts";

for (const name of ["ae", "ssim-ae", "dsvdd", "ganomaly", "gt"]) {
  Deno.test(`${name} is its PyTorch twin: maps, scores, and the losses of five steps`, () => checkTwin(name));
}

Deno.test("psvdd is its PyTorch twin: the losses of five steps, and maps by the patches after them", () =>
  checkTwin("psvdd", { after: true }));

for (const [golden, what] of [["dsvdd_soft", "soft-boundary"], ["dsvdd_ae", "autoencoder"]]) {
  Deno.test(`dsvdd's ${what} is its PyTorch twin`, () => checkTwin("dsvdd", { golden }));
}
