/**
 * A short round of fuzz.ts, always the same: some damaged files of every kind. And that what watches it sees what it is for.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { KINDS } from "./kinds.ts";
import { checkpointSeeds, modelSeeds } from "./models.ts";
import type { Bytes } from "./mutations.ts";
import type { KindName } from "./readers.ts";
import { round } from "./round.ts";
import { WatchedReader } from "./watched.ts";

const RUNS = 30, SEED = 20261130;
/** Those that take a GPU, with files that are made sooner than all. */
const ON_GPU: Partial<Record<KindName, () => Promise<Map<string, Bytes>>>> = {
  model: () => modelSeeds(["padim", "kde"]),
  checkpoint: checkpointSeeds,
};

Deno.test("damaged files of every kind are read, or refused by name, soon and in little memory", async () => {
  await using reader = await WatchedReader.start();
  for (const kind of Object.keys(KINDS) as KindName[]) {
    const seeds = await ON_GPU[kind]?.();
    const { files, failure } = await round(reader, kind, { runs: RUNS, seed: SEED, seeds });
    equal(
      failure,
      null,
      `${kind}: ${failure?.fault}\ndeno task fuzz --kind ${kind} --seed ${SEED} --runs ${RUNS}`,
    );
    equal(files, RUNS);
  }
});

Deno.test("every kind has sound files, and reads most of them", async () => {
  await using reader = await WatchedReader.start();
  for (const kind of Object.keys(KINDS) as KindName[]) {
    if (kind in ON_GPU) continue; // the round reads the first of them
    const seeds = await KINDS[kind].seeds(), [sound] = seeds, refused: string[] = [];
    for (const [name, bytes] of seeds) {
      const { fault, refusal } = await reader.read(kind, name, bytes, sound);
      equal(fault, null, `${kind} ${name}: ${fault}`);
      if (refusal !== null) refused.push(`${name}: ${refusal}`);
    }
    ok(refused.length < seeds.size / 2, `${kind}: ${refused.join("\n")}`);
  }
});

Deno.test("what must not be is seen from outside, and the next file is read all the same", async () => {
  const bytes = (what: string) => new TextEncoder().encode(what);
  await using reader = await WatchedReader.start(1);
  const fault = async (what: string) =>
    (await reader.read("faulty", what, bytes(what), ["sound", bytes("sound")])).fault;
  equal(await fault("sound"), null);
  for (
    const [what, expected] of [
      ["hang", /^more than 1 s$/],
      ["exit", /^the end of the process/],
      ["late", /^the end of the process: .*too late/s],
      ["swell", /^(9|1\d)\d MiB of memory$/],
      ["print", /^something printed: careful$/],
      ["nameless", /^an error that does not name the file: Expected something else$/],
      ["long", /^an error of 2\d\d\d characters/],
      ["what?", /^a fault of the program: RangeError/],
    ] as const
  ) {
    match(await fault(what) ?? "none", expected, what);
    equal(await fault("refused"), null);
  }
});

Deno.test("a fault is found, made smaller, and comes again with its seed and path", async () => {
  const faulty: Pick<WatchedReader, "read"> = {
    read: (_kind, _seed, bytes) =>
      Promise.resolve({ fault: bytes.length > 100 ? "too long" : null, refusal: null, ms: 1, memory: 0 }),
  };
  const seeds = new Map([["short", new Uint8Array(64)]]), options = { runs: 500, seed: SEED, seeds };
  const { failure } = await round(faulty, "bmp", options);
  ok(failure);
  equal(failure.fault, "too long");
  match(JSON.stringify(failure.case), /^\["short",\[\["(insert|pad|copy|splice)",/);
  ok(failure.bytes.length > 100 && failure.case[1].length <= 2);
  const again = await round(faulty, "bmp", { ...options, path: failure.path });
  equal(again.files, 1);
  equal(JSON.stringify(again.failure?.case), JSON.stringify(failure.case));
});
