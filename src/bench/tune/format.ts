/**
 * What the tuner found, for people: a table a family, and the rows to keep.
 *
 * @module
 */
import { type Cell, table } from "../../report/table.ts";
import type { Tuned, Tuning } from "./tune.ts";

/** Milliseconds of every tile at every shape; what was wrong; and code. */
export function formatTuning(
  { adapter, kind, subgroup, seconds, families }: Tuning,
  options: { color?: boolean } = {},
): string {
  const about = `${adapter || "an adapter without a name"}: ${kind}, ${
    subgroup || "no"
  } threads a subgroup, ${seconds.toFixed(0)} s`;
  return [about, ...families.map((family) => formatFamily(family, options))].join("\n\n");
}

function formatFamily(
  { name, file, problems, tried, left, code }: Tuned,
  options: { color?: boolean },
): string {
  const nameOf = (tile: unknown) => tile === "table" ? "table" : JSON.stringify(tile).replaceAll('"', "");
  const rows = tried.map(({ tile, ms }): Cell[] => [
    nameOf(tile),
    ...ms.map((value) => value === null ? null : value.toPrecision(3)),
  ]);
  const faults = tried.flatMap(({ tile, faults }) =>
    faults.map((text) => `not right: ${nameOf(tile)}: ${text}`)
  );
  const missed = left.length > 0 ? [`no time left for ${left.map(nameOf).join(", ")}`] : [];
  return [
    table(rows, [`${name}, ms`, ...problems.map(({ shape, note }) => `${shape} ${note}`)], options).trimEnd(),
    ...faults,
    ...missed,
    `// ${file}`,
    code,
  ].join("\n");
}
