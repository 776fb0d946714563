/**
 * What `score` says of an image, as a row of scores.csv or scores.jsonl; and of all of them in a few words.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import { textRecords } from "../host/records.ts";
import { type CsvCell, csvLine, csvRows } from "../report/csv.ts";
import { printable } from "../report/printable.ts";
import type { Region } from "../score/regions.ts";
import type { Label } from "../score/verdict.ts";
import { counted } from "./counted.ts";

/** What is said of an image. */
export interface ScoreRow {
  /** Its path, as it was given. */
  image: string;
  /** Raw; larger is more anomalous. Null where it can't be read. */
  score: number | null;
  /** Null without a threshold. */
  label: Label | null;
  /** 0..1, 0.5 at the threshold; null where that or the spread of normal scores is unknown. */
  normalised: number | null;
  /** Its picture's path from --out; null where there is none. */
  heatmap: string | null;
  /** What is above the pixel threshold; only in scores.jsonl, and where there is such a threshold. */
  regions?: Region[];
  /** Why it can't be read; null where it can. */
  error: string | null;
}

/** A form of the table. */
export interface RowFormat {
  /** The file's name. */
  readonly file: string;
  /** What it begins with, in ASCII. */
  readonly head: string;
  /** Whether a record may have line ends between quotes. */
  readonly quoted: boolean;
  /** A row, with its line's end. */
  line(row: ScoreRow): string;
  /** Reads a record; null for what is none. */
  row(record: string): ScoreRow | null;
}

const COLUMNS = ["image", "score", "label", "normalised", "heatmap", "error"] as const;

/** All forms, by what `--format` calls them. */
export const FORMATS: Readonly<Record<"csv" | "jsonl", RowFormat>> = {
  csv: {
    file: "scores.csv",
    head: csvLine(COLUMNS),
    quoted: true,
    line: (row) => csvLine(COLUMNS.map((name): CsvCell => row[name])), // a score's digits give back the same float32
    row(record) {
      const [cells = []] = csvRows(record), [image, score, label, normalised, heatmap, error] = cells;
      const number = (cell?: string) => cell ? Number(cell) : null;
      const row = {
        image,
        score: number(score),
        label: label || null,
        normalised: number(normalised),
        heatmap: heatmap || null,
        error: error || null,
      };
      const isWhole = [COLUMNS.length, EARLIER].includes(cells.length);
      return isWhole && isRow(row) ? row : null;
    },
  },
  jsonl: {
    file: "scores.jsonl",
    head: "",
    quoted: false,
    line: (row) => JSON.stringify(row) + "\n",
    row(record) {
      try {
        const row = JSON.parse(record);
        return isRow(row) ? row : null;
      } catch {
        return null;
      }
    },
  },
};

/** Columns of earlier versions: the image and its score. */
const EARLIER = 2;

/** Whether it is a row: with a score, or with an error. */
function isRow(row: Partial<Record<keyof ScoreRow, unknown>> | null): row is ScoreRow {
  if (typeof row?.image !== "string") return false;
  const { score, label, normalised, heatmap, regions = [], error } = row;
  const isText = (value: unknown) => value === null || typeof value === "string";
  return (score === null ? typeof error === "string" : Number.isFinite(score) && error === null) &&
    [null, "normal", "anomalous"].includes(label as Label | null) &&
    (normalised === null || Number.isFinite(normalised)) && isText(heatmap) && Array.isArray(regions);
}

/** The rows in a file, and where each ends. @throws {InputError} where it can't be read, or something else is among them */
export async function* rowsIn(
  path: string,
  { head, quoted, row }: RowFormat,
): AsyncGenerator<{ row: ScoreRow; end: number }> {
  for await (const { value, end } of textRecords(path, quoted)) {
    if (value === head) continue;
    const found = row(value);
    if (!found) {
      const what = shortened(JSON.stringify(value));
      throw new InputError(`Expected rows of scores in ${path}, but found ${what} before byte ${end}`);
    }
    yield { row: found, end };
  }
}

/** Images that are named of all. */
const NAMED = 10;

/** Counts rows, and keeps the few that are worth a line. */
export class Tally {
  /** All rows. */
  images = 0;
  /** By what they are called. */
  readonly labels: Record<Label, number> = { normal: 0, anomalous: 0 };
  /** Rows with an error. */
  unreadable = 0;
  /** The first of these. */
  readonly failed: ScoreRow[] = [];
  /** Those with the highest scores, the highest first. */
  readonly highest: ScoreRow[] = [];
  readonly #only: Label | null;

  /** @param only what is named of those that can be read; null for all */
  constructor(only: Label | null = null) {
    this.#only = only;
  }

  /** Takes a row. */
  add(row: ScoreRow): void {
    const { score, label } = row, { highest } = this;
    this.images++;
    if (label) this.labels[label]++;
    if (score === null) {
      if (this.unreadable++ < NAMED) this.failed.push(row);
      return;
    }
    if (this.#only && label !== this.#only) return;
    const at = highest.findIndex((other) => other.score! < score);
    if (at < 0 && highest.length >= NAMED) return;
    highest.splice(at < 0 ? highest.length : at, 0, row);
    if (highest.length > NAMED) highest.pop();
  }

  /** `120 images: 3 anomalous, 115 normal, 2 unreadable`. */
  counts(): string {
    const { images, unreadable, labels: { normal, anomalous } } = this;
    const counts = normal + anomalous > 0 ? [`${anomalous} anomalous`, `${normal} normal`] : [];
    if (unreadable > 0) counts.push(`${unreadable} unreadable`);
    return counted(images, "image") + counts.map((text, i) => (i ? ", " : ": ") + text).join("");
  }

  /** Which images can't be read and why, a line of a terminal each, ten at most. */
  failures(): string[] {
    const more = this.unreadable - this.failed.length;
    const lines = this.failed.map(({ image, error }) => {
      const name = printable(image), [line] = error!.replaceAll(image, () => name).split("\n");
      return printable(line.includes(name) ? line : `${name}: ${line}`);
    });
    return more > 0 ? [...lines, `and ${more} more`] : lines;
  }
}
