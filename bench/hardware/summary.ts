/**
 * A part's records as text for the log.
 *
 * @module
 */
import { formatRows, type Row } from "../../src/bench/row.ts";
import { type Cell, table } from "../../src/report/table.ts";

type Records = readonly Record<string, unknown>[];

/** What to say of a part in the end; nothing where it found nothing. */
export function summaryOf(part: string, records: Records): string {
  if (records.length === 0) return "";
  const summaries: Record<string, (records: Records) => string> = {
    tests,
    bench,
    peers,
    paper,
    tune: () => "",
  };
  return (summaries[part] ?? plain)(records).trimEnd();
}

function plain(records: Records): string {
  return records.map((record) => JSON.stringify(record, null, 1)).join("\n");
}

interface FileResult {
  file: string;
  status: string;
  passed?: number;
  ignored?: number;
  failures?: { name: string; message: string }[];
  stderr?: string[];
}

function tests(records: Records): string {
  const files = records as unknown as FileResult[];
  const sum = (of: (file: FileResult) => number) => files.reduce((total, file) => total + of(file), 0);
  const counts = `${files.length} files: ${sum(({ passed = 0 }) => passed)} tests passed, ${
    sum(({ failures = [] }) => failures.length)
  } failed, ${sum(({ ignored = 0 }) => ignored)} ignored`;
  const bad = files.filter(({ status }) => status !== "passed").map((
    { file, status, failures = [], stderr = [] },
  ) =>
    [
      `${file}: ${status}`,
      ...failures.map(({ name, message }) => `  ${name}: ${message.replaceAll("\n", "\n    ")}`),
      ...failures.length === 0 ? stderr.map((line) => `  ${line}`) : [],
    ].join("\n")
  );
  return [counts, ...bad].join("\n");
}

/** With shares of the ceilings where the part came to its end, and without where it did not. */
function bench(records: Records): string {
  const named = (key: string) => records.flatMap((record) => key in record ? [record[key] as Row] : []);
  const whole = named("of_ceiling");
  return formatRows(whole.length > 0 ? whole : named("row"));
}

interface PeerRow {
  name: string;
  shape: string;
  note: string;
  adtr_ms?: number | null;
  torch_ms?: number | null;
  torch_tf32_ms?: number | null;
}

function peers(records: Records): string {
  const rows = records.flatMap(({ row }) => row ? [row as PeerRow] : []);
  const ms = (value: number | null | undefined): Cell => value == null ? "" : value.toPrecision(3);
  const ratio = (a: number | null | undefined, b: number | null | undefined): Cell =>
    a == null || b == null ? "" : (a / b).toPrecision(3);
  const cells = rows.map(({ name, shape, note, adtr_ms, torch_ms, torch_tf32_ms }) => [
    ...[name, shape, note, ms(adtr_ms), ms(torch_ms), ms(torch_tf32_ms)],
    ...[ratio(adtr_ms, torch_ms), ratio(adtr_ms, torch_tf32_ms)],
  ]);
  const header = [
    "name",
    "shape",
    "what",
    "adtr ms",
    "PyTorch ms",
    "with TF32",
    "adtr / PyTorch",
    "adtr / TF32",
  ];
  const errors = records.flatMap(({ row, error }) =>
    error ? [`${(row as PeerRow).name} ${(row as PeerRow).shape}: ${error}`] : []
  );
  return [table(cells, header).trimEnd(), ...errors].join("\n");
}

interface Training {
  what: string;
  seconds: number;
  steps?: number;
  of_steps?: number;
  epochs?: number;
  finished?: boolean;
}

/** What it took, or would take at the pace of what was done. */
function paper(records: Records): string {
  const told = records as unknown as Training[];
  const moments = told.filter(({ what, steps = 0 }) => what === "progress" && steps > 0);
  const lines = told.filter(({ what }) => what !== "progress").map((record) => JSON.stringify(record));
  const first = moments[0], last = moments.at(-1);
  if (first && last && last.steps! > first.steps!) {
    const pace = (last.seconds - first.seconds) / (last.steps! - first.steps!);
    const all = last.of_steps ?? 0;
    lines.push(`${(1000 * pace).toPrecision(3)} ms a step between step ${first.steps} and ${last.steps}`);
    if (!told.some(({ finished }) => finished)) {
      const whole = last.seconds + pace * (all - last.steps!);
      lines.push(`not finished: all ${all} steps would end after about ${whole.toFixed(0)} s (extrapolated)`);
    }
  }
  return lines.join("\n");
}
