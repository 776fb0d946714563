/**
 * What of a reproduction's models is on disk: where each lies, what it is made from, and what it has left.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import * as v from "npm:valibot@^1.5.0";
import { InputError, shortened } from "../errors.ts";
import { isCifar } from "../host/cifar_images.ts";
import { isThere, readWhole } from "../host/files.ts";
import { MODEL } from "../host/run_folder.ts";
import { inputOf, rulesOf } from "../methods/resolve.ts";
import type { Rule, Settings } from "../methods/settings.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import type { Metrics } from "../score/evaluate.ts";
import { explain } from "./explain.ts";
import { type Cell, cellName, cellPath } from "./reproduce_jobs.ts";
import { labelsOf, type ReproducePlan } from "./reproduce_plan.ts";
import { METRICS } from "./results.ts";
import { CONFIG, SPEED } from "./run_category.ts";
import type { Speed } from "./run_report.ts";

/** A cell that is done. */
export interface CellResult extends Cell {
  metrics: Metrics;
  speed: Speed;
}

/** A cell that is not, and why. */
export interface CellFailure extends Cell {
  message: string;
}

/** A cell was begun with other settings, data or weights: a mistake in the command, which holds for all cells. */
export class OtherRun extends InputError {
  /** The class, as a stack trace shows it. */
  override name = "OtherRun";
}

/** What came of cells. */
export interface Outcome {
  results: CellResult[];
  failures: CellFailure[];
  /** Cells that are neither: another run is at them, or at what they begin with, or nobody has been yet. */
  missing: Cell[];
}

/** What has failed, and why, a sentence each. */
export function failuresOf({ failures }: Outcome): string[] {
  return failures.map((cell) => `${cellName(cell)}: ${cell.message}`);
}

/** The folder of an entry's model on a cell's category and seed. */
export function cellFolder({ out }: ReproducePlan, entry: string, cell: Cell): string {
  return join(out, ...cellPath(entry, cell));
}

/** The weight file and the state dict in it, unless the backbone is built in or there is none. */
export function weightsFor(
  { weights, weightsKey }: ReproducePlan,
  settings: Settings,
): { weights?: string; weights_key?: string } {
  const input = inputOf(settings);
  if (input === "pixels" || BACKBONES[input as BackboneName].weights === "none") return {};
  return { weights, weights_key: weightsKey };
}

/** Where a cell's files come from, under the names of `train`'s options. */
export function placesOf(plan: ReproducePlan, cell: Cell): Record<string, string | undefined> {
  const { settings, base } = cell.entry;
  return {
    data: plan.data,
    category: cell.category,
    ...weightsFor(plan, settings),
    init: base && join(cellFolder(plan, base, cell), MODEL),
    outliers: labelsOf(settings) === "images" ? plan.outliers : undefined,
  };
}

/** Whether a cell is done. */
export async function isDone(plan: ReproducePlan, cell: Cell): Promise<boolean> {
  return await isThere(join(cellFolder(plan, cell.entry.name, cell), METRICS));
}

/** What a cell that is done has left on disk, else null. @throws {InputError} where that is damaged */
export async function resultOf(plan: ReproducePlan, cell: Cell): Promise<CellResult | null> {
  if (!await isDone(plan, cell)) return null;
  const folder = cellFolder(plan, cell.entry.name, cell), path = join(folder, METRICS);
  const { [cell.category]: metrics } = await readAs(v.object({ [cell.category]: METRICS_SCHEMA }), path);
  return { ...cell, metrics, speed: await readAs(SPEED_SCHEMA, join(folder, SPEED)) };
}

/**
 * What is done of cells, whoever is at the others.
 *
 * @throws {OtherRun} where a cell was begun with other settings or data
 */
export async function gather(plan: ReproducePlan, cells: readonly Cell[]): Promise<Outcome> {
  const outcome: Outcome = { results: [], failures: [], missing: [] };
  for (const cell of cells) {
    try {
      await refuseOther(plan, cell, null);
      const result = await resultOf(plan, cell);
      if (result) outcome.results.push(result);
      else outcome.missing.push(cell);
    } catch (error) {
      noteDamage(outcome, cell, error);
    }
  }
  return outcome;
}

/** Counts a cell as failed whose files are damaged. @throws any other error: it holds for all cells, or is a fault of ours */
export function noteDamage({ failures }: Outcome, cell: Cell, error: unknown): void {
  const message = explain(error);
  if (message === null || error instanceof OtherRun) throw error;
  failures.push({ ...cell, message });
}

/**
 * Looks whether a cell was begun as it would be now.
 *
 * @param features the backbone's name with the hash of its weights; null where it isn't open, and isn't compared
 * @throws {OtherRun} where it was begun with other settings, data or weights
 * @throws {InputError} where what says so is damaged
 */
export async function refuseOther(plan: ReproducePlan, cell: Cell, features: string | null): Promise<void> {
  const path = join(cellFolder(plan, cell.entry.name, cell), CONFIG);
  if (!await isThere(path) && !await isDone(plan, cell)) return;
  const known: Record<string, unknown> = await readAs(configOf(cell.entry.settings), path);
  const { data, outliers } = placesOf(plan, cell);
  const found: Record<string, unknown> = {
    ...cell.entry.settings as Record<string, unknown>,
    seed: cell.seed,
    data,
    outliers,
  };
  const same = (name: string): boolean =>
    name === "data" ? sameData(known.data as string, plan.data) : known[name] === found[name];
  const differs = Object.keys(found).find((name) => !same(name));
  const before = (known.environment as { backbone: string }).backbone;
  if (differs === undefined && (features === null || before === features)) return;
  const [name, was, is] = differs === undefined
    ? ["the backbone", before, features]
    : [differs, known[differs], found[differs]];
  throw new OtherRun(
    `Expected to go on with ${path}, where ${name} is ${shortened(was)}, but found ${is}.\n` +
      "Another --out begins a new reproduction.",
  );
}

/** What the config.json of a model of that method holds. */
function configOf({ method }: Settings): v.GenericSchema<unknown, Record<string, unknown>> {
  const rules = Object.entries(rulesOf(method) as Record<string, Rule>);
  return v.looseObject({
    ...Object.fromEntries(rules.map(([name, { schema }]) => [name, schema])),
    data: v.string(),
    outliers: v.optional(v.string()),
    environment: v.looseObject({ backbone: v.string() }),
  });
}

/** Whether two texts say the same place. */
function sameData(a: string, b: string): boolean {
  return a === b || (!isCifar(a) && !isCifar(b) && resolve(a) === resolve(b));
}

const FRACTION = v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));
const METRICS_SCHEMA = v.object({
  image_auroc: FRACTION,
  image_ap: FRACTION,
  image_f1max: FRACTION,
  pixel_auroc: FRACTION,
  pixel_ap: FRACTION,
  aupro: FRACTION,
});
const AT_LEAST_0 = v.pipe(v.number(), v.finite(), v.minValue(0));
const SPEED_SCHEMA = v.object({
  train_seconds: v.nullable(AT_LEAST_0),
  images_per_second: v.nullable(AT_LEAST_0),
  images_per_second_from_files: v.optional(v.nullable(AT_LEAST_0), null), // not there before 0.3
  model_bytes: AT_LEAST_0,
});

/** Reads JSON that a cell has left. @throws {InputError} where it is not as it was written, with what helps */
async function readAs<T>(schema: v.GenericSchema<unknown, T>, path: string): Promise<T> {
  const refuse = (found: string): never => {
    throw new InputError(`Expected ${path} as a run has left it, but found ${shortened(found, 200)}`);
  };
  return await orAgain(dirname(path), async () => {
    const text = new TextDecoder().decode(await readWhole(path));
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (error) {
      return refuse((error as Error).message);
    }
    const result = v.safeParse(schema, content, { abortEarly: true });
    if (result.success) return result.output;
    const [{ path: place, received }] = result.issues;
    return refuse([...(place ?? []).map(({ key }) => String(key)), received].join(": "));
  });
}

/** Reads what a cell has left in its folder. @throws {InputError} where that can't be done, with what helps */
export async function orAgain<T>(folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${error.message}.\nWithout the folder ${folder} it is done again.`);
  }
}
