/**
 * Every trained method whose twin needs nothing but its file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { methods } from "../../src/methods/registry.ts";
import { checkTwin, type TwinOptions } from "./twin.ts";

/** Methods, or golden files of one that has several. */
const TWINS: Record<string, TwinOptions & { method?: string }> = {
  "ae": {},
  "ssim-ae": {},
  "vae": {},
  "vae-grad": {},
  "vevae": {},
  "vevae_after": { method: "vevae", after: true },
  "dsvdd": {},
  "dsvdd_soft": { method: "dsvdd" },
  "dsvdd_ae": { method: "dsvdd" },
  "fcdd": { label: (i) => Uint8Array.from({ length: 36 }, (_, u) => i % 2 === 1 && u % 3 === 0 ? 1 : 0) },
  "fcdd_images": { method: "fcdd", label: (i) => Uint8Array.of(i % 2) },
  "fcdd_normal": { method: "fcdd" },
  "kdad": { levels: [2, 4] },
  "kdad_discrepancy": { method: "kdad", levels: [1, 2, 3] },
  "ts": { after: true },
  "ts_17": { method: "ts", after: true },
  "ts_65": { method: "ts", after: true },
  "loc-glo": { after: true },
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

Deno.test("every trained method has a twin, and a section in docs/trained.md", async () => {
  const trained = methods.filter(({ name, settings }) =>
    Object.hasOwn(settings, "epochs") && name !== "adtr"
  );
  const twins = new Set(Object.entries(TWINS).map(([golden, { method = golden }]) => method));
  const docs = await Deno.readTextFile(new URL("../../docs/trained.md", import.meta.url));
  for (const { name } of trained) {
    assert.ok(twins.has(name), `${name} has no twin: tests/golden/${name}.py and a line in TWINS`);
    assert.ok(docs.includes(`\n## ${name}\n`), `docs/trained.md has no section ${name}`);
  }
});
