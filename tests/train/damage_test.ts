/**
 * Checkpoints and logs that are damaged: they are named, the checkpoint before is used, and where none is whole nothing is
 * touched; or, where that is wanted, the training begins again.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import fc from "npm:fast-check@^4.10.2";
import type { Category } from "../../src/data/category.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { stored } from "../../src/formats/tensor_file.ts";
import { CHECKPOINT, MODEL, PREVIOUS, RunFolder } from "../../src/host/run_folder.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import { learn } from "../../src/train/learn.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { bytesIn, train, trainUntil } from "./runs.ts";
import { TINY, tinyCategory, tinySource } from "./tiny.ts";

const source = tinySource(gpu), settings = TINY as unknown as Settings;

/** A training that has stopped with checkpoints of 6 and of 9 steps. */
interface Stopped {
  category: Category;
  out: string;
  /** Paths of the last checkpoint, the one before it, and the log. */
  last: string;
  before: string;
  log: string;
  /** What is there when nothing was damaged and the training has ended. */
  wanted: Record<string, Uint8Array>;
}

const test = (name: string, body: (stopped: Stopped) => Promise<void>): void =>
  Deno.test(name, () =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder),
        [whole, out] = [join(folder, "whole"), join(folder, "out")];
      await train(category, whole, TINY);
      for (const [i, steps] of [6, 9].entries()) {
        const until = ["training", steps] as const;
        deepEqual(await trainUntil(until, category, out, TINY, { resume: i > 0 }), [steps, false]);
      }
      const [last, before, log] = [CHECKPOINT, PREVIOUS, "log.jsonl"].map((name) => join(out, name));
      await body({ category, out, last, before, log, wanted: await bytesIn(whole) });
    }));

const steps = async (path: string) => (await readSafetensors(path)).metadata.steps;

test("the last checkpoint and the one before it are there; who is done can forget the latter", async (stopped) => {
  const { category, out, last, before, wanted } = stopped;
  deepEqual([await steps(last), await steps(before)], ["9", "6"]);
  await train(category, out, TINY, { resume: true });
  deepEqual([await steps(last), await steps(before)], ["12", "9"]);
  await new RunFolder(out, true).finish();
  await rejects(Deno.stat(before), Deno.errors.NotFound);
  deepEqual(await bytesIn(out), wanted);
});

test("no byte of a checkpoint can be another one without being told", async ({ last }) => {
  const whole = await Deno.readFile(last);
  equal((await parseCheckpoint(whole, "it")).steps, 9);
  const header = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(whole.subarray(8, 8 + header)), end = 8 + text.trimEnd().length;
  const places = Array.from(whole, (_, at) => at).filter((at) => at < end || at >= 8 + header); // the rest pads
  await fc.assert(fc.asyncProperty(
    fc.oneof(
      fc.tuple(fc.constantFrom(...places), fc.integer({ min: 1, max: 255 })).map(([at, bits]) =>
        whole.map((byte, i) => i === at ? byte ^ bits : byte)
      ),
      fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
      fc.integer({ min: 1, max: 9 }).map((more) => Uint8Array.from([...whole, ...new Uint8Array(more)])),
    ),
    async (damaged) => {
      await rejects(parseCheckpoint(damaged, "it"), (error: Error) => {
        equal(error.name, "InputError");
        match(error.message, /(^| )it( |$)/);
        ok(!error.message.includes("\n"));
        return true;
      });
    },
  ));
});

test("a checkpoint without a checksum, of version 0.2, is gone on from", async ({ category, out, last, wanted }) => {
  const { tensors, metadata: { sha256: _, ...metadata } } = await readSafetensors(last);
  const nan = new Map(tensors).set("0.m.decoder.norm.bias", stored(new Float32Array(16).fill(NaN)));
  for (const content of [tensors, nan]) {
    await Deno.writeFile(last, serializeSafetensors(content, { ...metadata, format: "adtr checkpoint 2" }));
    const going = train(category, out, TINY, { resume: true });
    if (content === tensors) {
      deepEqual(await going, [12, true]);
      deepEqual(await bytesIn(out), wanted);
    } else {
      const message =
        /^Expected finite numbers in 0\.m\.decoder\.norm\.bias of .*, but found NaN at position 0$/;
      await rejects(going, { name: "InputError", message });
    }
  }
});

test("the checkpoint before is used where the last is damaged, and the log brought back to it", async (stopped) => {
  const { category, out, last, before, log, wanted } = stopped;
  const whole = await Deno.readFile(last), { tensors, metadata } = await readSafetensors(last);
  const whole9 = await bytesIn(out),
    first = await Deno.readFile(before),
    lines = await Deno.readTextFile(log);
  const damaged: [content: Uint8Array, told: RegExp][] = [
    [new Uint8Array(0), /checkpoint\.safetensors is not a valid safetensors file: /],
    [whole.subarray(0, whole.length - 4), /checkpoint\.safetensors is not a valid safetensors file: /],
    [
      whole.map((byte, i) => i === whole.length - 5 ? byte ^ 1 : byte),
      /^Expected .*checkpoint\.safetensors as it was written, but found other bytes, by its SHA-256; /,
    ],
    [serializeSafetensors(tensors, { ...metadata, steps: "10" }), /other bytes, by its SHA-256; /],
    [
      serializeSafetensors(tensors, { ...metadata, format: "adtr model 2" }),
      /^Expected a checkpoint written by train in .*checkpoint\.safetensors, but found another file of tensors; /,
    ],
  ];
  for (const [content, told] of damaged) {
    await Deno.writeFile(last, content);
    await Deno.writeFile(before, first);
    await Deno.writeTextFile(log, lines);
    const warnings: string[] = [];
    const stop = new AbortController(), onStart = () => Promise.resolve(stop.abort());
    const onWarning = (message: string) => void warnings.push(message);
    // Stopped at once: the damaged one has gone, and the one before it has stayed.
    const journal = new RunFolder(out, true, onWarning), { signal } = stop;
    equal(await learn({ source, category, settings, journal, onStart, signal }), null);
    equal(warnings.length, 1);
    match(warnings[0], told);
    match(warnings[0], /; going on from step 6, of the checkpoint before it$/);
    equal((await Deno.readTextFile(log)).trimEnd().split("\n").length, 6);
    deepEqual([await Deno.readFile(last), await Deno.readFile(before)], [content, first]);
    deepEqual(await trainUntil(["training", 9], category, out, TINY, { resume: true }), [9, false]);
    deepEqual(await bytesIn(out), whole9);
    deepEqual(await Deno.readFile(before), first); // not the damaged one
    deepEqual(await train(category, out, TINY, { resume: true }), [12, true]);
    deepEqual(await bytesIn(out), wanted);
    deepEqual(await Deno.readFile(before), whole);
    await Deno.remove(join(out, MODEL));
  }
});

test("killed between two checkpoints' places, it goes on from the one before", async (stopped) => {
  const { category, out, last, before, wanted } = stopped;
  await Deno.remove(last);
  const onWarning = (message: string) => {
    throw new Error(message);
  };
  await trainUntil(["training", 9], category, out, TINY, { resume: true, onWarning });
  deepEqual([await steps(last), await steps(before)], ["9", "6"]);
  await train(category, out, TINY, { resume: true });
  deepEqual(await bytesIn(out), wanted);
});

test("where no checkpoint is whole, all are named and nothing is touched; or it begins again", async (stopped) => {
  const { category, out, last, before, log, wanted } = stopped;
  await Deno.truncate(last, 1000);
  await Deno.truncate(before, 100);
  const left = { ...await bytesIn(out), before: await Deno.readFile(before) };
  await rejects(() => train(category, out, TINY, { resume: true }), (error: Error) => {
    const [first, second, ...more] = error.message.split("\n");
    match(first, /^Expected \S+checkpoint\.safetensors to go on from, but found none that is whole: /);
    match(
      first,
      /checkpoint\.safetensors is not a valid .*; .*checkpoint\.previous\.safetensors is not a valid /,
    );
    equal(second, `Without ${CHECKPOINT} and ${PREVIOUS} it begins again with the first step.`);
    deepEqual([error.name, more], ["SettingError", []]);
    return true;
  });
  deepEqual({ ...await bytesIn(out), before: await Deno.readFile(before) }, left);
  await Deno.remove(log); // as good as damage, of both
  const warnings: string[] = [], onWarning = (message: string) => void warnings.push(message);
  const journal = new RunFolder(out, true, onWarning, true);
  const model = (await learn({ source, category, settings, journal }))!;
  model.fitted[Symbol.dispose]();
  equal(warnings.length, 1);
  match(
    warnings[0],
    /^Expected \S+ to go on from, but found none that is whole: .*; beginning again with the first step$/,
  );
  equal(journal.goesOn, false);
  deepEqual(await bytesIn(out), wanted);
});

test("a log that is shorter than a checkpoint, or gone, is told as damage is", async (stopped) => {
  const { category, out, log, wanted } = stopped;
  const lines = (await Deno.readTextFile(log)).split("\n"), warnings: string[] = [];
  await Deno.writeTextFile(log, lines.slice(0, 5).join("\n") + "\n");
  const refused = (message: RegExp) =>
    rejects(() => train(category, out, TINY, { resume: true }), { name: "SettingError", message });
  await refused(
    /whole: Expected 9 steps in \S+log\.jsonl, but found 5; Expected 6 steps in \S+, but found 5\.\n/,
  );
  await Deno.remove(log);
  await refused(/whole: Can't read \S+log\.jsonl: No such file or directory; /);
  await Deno.writeTextFile(log, lines.slice(0, 8).join("\n") + '\n{"step":9,');
  const onWarning = (message: string) => void warnings.push(message);
  deepEqual(await train(category, out, TINY, { resume: true, onWarning }), [12, true]);
  deepEqual(warnings, [
    `Expected 9 steps in ${log}, but found 8; going on from step 6, of the checkpoint before it`,
  ]);
  deepEqual(await bytesIn(out), wanted);
});

test("a finished training whose checkpoint is damaged is refused as such", async ({ category, out, last, before }) => {
  await train(category, out, TINY, { resume: true });
  await Deno.remove(before);
  await Deno.truncate(last, 1000);
  const message = /none that is whole: .*\.\nAnother out begins a new run\.$/;
  await rejects(() => train(category, out, TINY, { resume: true }), { name: "SettingError", message });
  ok((await Deno.stat(join(out, MODEL))).isFile);
});

Deno.test({
  name: "a checkpoint that may not be read is no damaged one",
  ignore: Deno.build.os === "windows" || Deno.uid() === 0, // who may read everything
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, CHECKPOINT), "", { mode: 0 });
      const message = /^Can't read .*: Permission denied$/;
      await rejects(() => new RunFolder(folder, true, undefined, true).read(parseCheckpoint), { message });
    }),
});
