/**
 * `deno task fuzz`: damaged files of every kind, a thousand each, which takes some minutes.
 *
 *     deno task fuzz [--kind png,tiff] [--runs 1000] [--seed N]
 *     deno task fuzz --kind png --seed N --path P       what failed, once more and at once
 *     deno task fuzz --kind png --file FILE [--from S]  a file that was saved; S is what it was, where that matters
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { Command, InvalidArgumentError } from "npm:commander@^15.1.0";
import { table } from "../../src/report/table.ts";
import { KINDS } from "./kinds.ts";
import type { KindName } from "./readers.ts";
import { type Failure, round } from "./round.ts";
import { WatchedReader } from "./watched.ts";

const whole = (text: string): number => {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
};
const kindsIn = (text: string): KindName[] =>
  text.split(",").map((name) => {
    if (!Object.hasOwn(KINDS, name)) {
      throw new InvalidArgumentError(`Expected some of ${Object.keys(KINDS)}.`);
    }
    return name as KindName;
  });

interface Options {
  kind: KindName[];
  runs: number;
  seed: number;
  path?: string;
  file?: string;
  from?: string;
}

const options = new Command("fuzz")
  .description("Reads damaged files of every kind, and tells which make the program crash, hang or swell.")
  .option("--kind <NAMES>", "kinds of files", kindsIn, Object.keys(KINDS) as KindName[])
  .option("--runs <N>", "damaged files of each", whole, 1000)
  .option("--seed <N>", "what they follow from", whole, crypto.getRandomValues(new Uint32Array(1))[0] >>> 1)
  .option("--path <P>", "to a failure, as it was told")
  .option("--file <FILE>", "reads a saved file instead")
  .option("--from <SEED>", "what that file was before it was damaged")
  .parse(process.argv).opts<Options>();

/** Says what failed, and how to see it again. */
async function tell(kind: KindName, { fault, case: [from, mutations], bytes, path }: Failure): Promise<void> {
  const saved = join(await Deno.makeTempDir({ prefix: "adtr-fuzz-failed-" }), `damaged.${kind}`);
  await Deno.writeFile(saved, bytes);
  console.error(`\n${kind}: ${fault}`);
  console.error(`  ${from} with ${JSON.stringify(mutations)}`);
  console.error(`  deno task fuzz --kind ${kind} --seed ${options.seed} --path ${path}`);
  console.error(`  deno task fuzz --kind ${kind} --file ${saved} --from "${from}"`);
}

async function readOne(kind: KindName, file: string): Promise<boolean> {
  const [sound] = await KINDS[kind].seeds(), bytes = await Deno.readFile(file);
  await using reader = await WatchedReader.start();
  const outcome = await reader.read(kind, options.from ?? sound[0], bytes, sound);
  console.log(JSON.stringify(outcome, null, 2).replaceAll("\\n", "\n"));
  return outcome.fault === null;
}

async function readMany(): Promise<boolean> {
  console.log(`seed ${options.seed}`);
  const rows: (string | number)[][] = [];
  await using reader = await WatchedReader.start();
  let sound = true;
  for (const kind of options.kind) {
    const begin = performance.now(),
      { files, read, errors, slowest, memory, failure } = await round(reader, kind, options);
    if (failure) await tell(kind, failure);
    sound &&= failure === null;
    const row = [files, read, errors, Math.round(slowest), Math.round(memory / 2 ** 20)];
    console.log(`${kind}: ${files} files in ${Math.round((performance.now() - begin) / 1000)} s`);
    rows.push([kind, ...row, failure ? "FAILED" : "ok"]);
  }
  const columns = ["kind", "damaged files", "read", "different errors", "slowest, ms", "memory, MiB", ""];
  console.log(table(rows, columns, { digits: columns.map(() => 0) }));
  return sound;
}

process.exit(
  await (options.file === undefined ? readMany() : readOne(options.kind[0], options.file)) ? 0 : 1,
);
