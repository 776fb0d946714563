/**
 * The models of a reproduction, and how several jobs share them: each model with those that begin with it stays in one
 * job, and the models of each method are dealt evenly, as methods differ in what they take. Which share has which models
 * follows from the command line alone, whatever is done already.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import type { Entry, ReproducePlan } from "./reproduce_plan.ts";

/** One model to train and test. */
export interface Cell {
  entry: Entry;
  category: string;
  seed: number;
}

/** What of a plan tells its models. */
type Models = Pick<ReproducePlan, "entries" | "categories" | "seeds">;

/** All cells, in the order in which they are worked on: all methods of a category, then the next one. */
export function cellsOf({ entries, categories, seeds }: Models): Cell[] {
  return seeds.flatMap((seed, i) => {
    const some = entries.filter(({ isSeeded }) => isSeeded || i === 0);
    return categories.flatMap((category) => some.map((entry) => ({ entry, category, seed })));
  });
}

/** Where an entry's files on a category and seed are in RUN. */
export function cellPath(entry: string, { category, seed }: Pick<Cell, "category" | "seed">): string[] {
  return [entry, `seed-${seed}`, category];
}

/** What messages call a cell. */
export function cellName({ entry, category, seed }: Cell): string {
  return `${entry.name} on ${category} with seed ${seed}`;
}

/** The K-th of N shares. */
export interface Share {
  /** From 1 on. */
  job: number;
  of: number;
}

/** Jobs that Slurm takes in an array unless it is set up otherwise (MaxArraySize 1001). */
export const MOST_JOBS = 1000;

/** As many jobs as can work at once, each with a model and those that begin with it; at most `MOST_JOBS`. */
export function mostJobs(plan: Models): number {
  return Math.min(chainsOf(cellsOf(plan), plan).length, MOST_JOBS);
}

/** All shares' cells, each in the order in which they are worked on. */
export function sharesOf(plan: Models, of: number): Cell[][] {
  const cells = cellsOf(plan), shares = Array.from({ length: of }, (): Cell[] => []);
  const places = new Map(
    chainsOf(cells, plan).flatMap((chain, i) => chain.map((cell) => [cell, i % of] as const)),
  );
  for (const cell of cells) shares[places.get(cell)!].push(cell);
  return shares;
}

/** Cells that can only be done one after the other, chain by chain: those of one method stand together. */
function chainsOf(cells: readonly Cell[], { entries }: Models): Cell[][] {
  const bases = new Map(entries.map(({ name, base }) => [name, base]));
  const rootOf = (name: string): string => {
    const base = bases.get(name);
    return base === undefined ? name : rootOf(base);
  };
  const byRoot = entries.flatMap(({ name }) => cells.filter(({ entry }) => rootOf(entry.name) === name));
  const chains = Map.groupBy(byRoot, (cell) => cellPath(rootOf(cell.entry.name), cell).join("/"));
  return [...chains.values()];
}

/** `K/N`, or the place of this job in Slurm's array, where `--job` has no value. @throws {UsageError} for another one */
export function shareOf(given: string | true, variable: (name: string) => string | undefined): Share {
  return given === true ? shareOfArray(variable) : parseShare(given);
}

function parseShare(text: string): Share {
  const [, job, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (job >= 1 && job <= of) return { job, of };
  throw new UsageError(`Expected --job to be K/N, 1/4 to 4/4 for example, but found ${JSON.stringify(text)}`);
}

/** Arrays begin with any number, and may leave the same gap between all; others don't say whose share is whose. */
function shareOfArray(variable: (name: string) => string | undefined): Share {
  const number = (name: string, fallback?: string): number => {
    const text = variable(`SLURM_ARRAY_TASK_${name}`) ?? fallback;
    if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
    throw new UsageError(
      `Expected --job K/N, or a job of Slurm's array, but found SLURM_ARRAY_TASK_${name} ${
        text === undefined ? "unset" : JSON.stringify(text)
      }`,
    );
  };
  const id = number("ID"), count = number("COUNT"), min = number("MIN"), max = number("MAX");
  const step = number("STEP", "1"), at = (id - min) / step;
  if (Number.isInteger(at) && at >= 0 && at < count && min + (count - 1) * step === max) {
    return { job: at + 1, of: count };
  }
  throw new UsageError(
    `Expected --job K/N in an array with gaps, but found job ${id} of ${count} from ${min} to ${max}`,
  );
}
