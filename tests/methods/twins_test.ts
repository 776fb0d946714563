/**
 * Every trained method whose twin needs nothing but its file.
 *
 * @module
 */
import { checkTwin, type TwinOptions } from "./twin.ts";

/** Methods, or golden files of one that has several. */
const TWINS: Record<string, TwinOptions & { method?: string }> = {
  "ae": {},
  "ssim-ae": {},
  "vae": {},
  "vae-grad": {},
  "dsvdd": {},
  "dsvdd_soft": { method: "dsvdd" },
  "dsvdd_ae": { method: "dsvdd" },
  "ganomaly": {},
  "gt": {},
  "psvdd": { after: true },
  "anogan": {},
  "f-anogan": { method: "anogan" },
  "ocgan": {},
  "p-net": {},
  "lsa": {},
  "gradcon": {},
  "arnet": {},
  "scadn": {},
  "smai": {},
};

for (const [golden, { method = golden, ...options }] of Object.entries(TWINS)) {
  Deno.test(`${golden} is its PyTorch twin: maps, scores, and the losses of five steps`, () =>
    checkTwin(method, { golden, ...options }));
}
