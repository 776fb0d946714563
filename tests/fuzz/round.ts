/**
 * A round: many damaged files of a kind, of which each is read, or refused by an error that names it, soon and without much
 * memory. What breaks that is made smaller, and told so that it can be made again.
 *
 * @module
 */
import fc from "npm:fast-check@^4.10.2";
import { Buffer } from "node:buffer";
import { KINDS } from "./kinds.ts";
import { ANY, type Bytes, type Case, cases, damaged } from "./mutations.ts";
import type { KindName } from "./readers.ts";
import type { Outcome, WatchedReader } from "./watched.ts";

/** What to do. */
export interface RoundOptions {
  /** Files. */
  runs: number;
  /** What they follow from. */
  seed: number;
  /** To a failure of an earlier round with that seed, as it was told. */
  path?: string;
  /** Files to begin with; those of the kind by default. */
  seeds?: ReadonlyMap<string, Bytes>;
}

/** What came of a round. */
export interface RoundResult {
  /** Damaged files. */
  files: number;
  /** How many of them were read nevertheless. */
  read: number;
  /** How many different errors there were, numbers aside. */
  errors: number;
  /** Of the slowest, milliseconds of the processor. */
  slowest: number;
  /** Most memory that one took, bytes. */
  memory: number;
  failure: Failure | null;
}

/** A file that was not read as files have to be. */
export interface Failure {
  fault: string;
  /** The smallest that was found. */
  case: Case;
  bytes: Bytes;
  /** With the seed it leads there at once. */
  path: string;
}

/** How long a failure is made smaller. */
const SHRINKING_MS = 60_000;

/** Runs a round. */
export async function round(
  reader: Pick<WatchedReader, "read">,
  kind: KindName,
  { runs, seed, path, seeds: given }: RoundOptions,
): Promise<RoundResult> {
  const { seeds: make, mutators } = KINDS[kind], seeds = given ?? await make(), all = { ...ANY, ...mutators };
  const [sound] = seeds;
  const result: RoundResult = { files: 0, read: 0, errors: 0, slowest: 0, memory: 0, failure: null };
  const errors = new Set<string>();
  let failed = Infinity;
  const details = await fc.check(
    fc.asyncProperty(cases([...seeds.keys()], mutators), async (one) => {
      if (performance.now() - failed > SHRINKING_MS) return;
      const bytes = damaged(one, seeds, all);
      if (failed === Infinity) fc.pre(Buffer.compare(bytes, seeds.get(one[0])!) !== 0);
      const outcome = await reader.read(kind, one[0], bytes, sound);
      if (failed === Infinity) count(result, outcome, errors);
      if (outcome.fault === null) return;
      failed = Math.min(failed, performance.now());
      throw new Error(outcome.fault);
    }),
    { numRuns: runs, seed, path, maxSkipsPerRun: 1000 },
  );
  if (details.failed) {
    const [one] = details.counterexample ?? [];
    if (one === undefined) throw details.errorInstance ?? new Error("Expected cases, but found none");
    result.failure = {
      fault: (details.errorInstance as Error).message,
      case: one,
      bytes: damaged(one, seeds, all),
      path: details.counterexamplePath!,
    };
  }
  return result;
}

function count(result: RoundResult, { refusal, ms, memory }: Outcome, errors: Set<string>): void {
  result.files++;
  if (refusal === null) result.read++;
  else errors.add(refusal.replaceAll(/\d+|".*?"/g, "…").slice(0, 120));
  result.errors = errors.size;
  result.slowest = Math.max(result.slowest, ms);
  result.memory = Math.max(result.memory, memory);
}
