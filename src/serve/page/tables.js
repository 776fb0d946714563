// @ts-check
/**
 * The session as CSV and JSON: every image with its numbers and the thresholds that decided on it.
 *
 * @module
 */

/** @import { Entry, Session } from "./session.js" */

const COLUMNS = [
  "image",
  "score",
  "normalised",
  "label",
  "threshold",
  "pixel_threshold",
  "region_count",
  "model",
  "error",
  "at",
];

/** @param {Session} session */
export function sessionCsv(session) {
  const lines = session.entries.map((entry) => {
    const { regions: _, ...row } = rowOf(session, entry);
    return COLUMNS.map((column) => cell(row[/** @type {keyof typeof row} */ (column)])).join(",");
  });
  return [COLUMNS.join(","), ...lines, ""].join("\n");
}

/** @param {Session} session */
export function sessionJson(session) {
  const models = [...new Set(session.entries.map(({ model }) => model))].map((name) => {
    const { method, category, decision } = session.model(name);
    return {
      name,
      method,
      category,
      decision,
      threshold: session.threshold(name),
      pixel_threshold: session.pixelThreshold(name),
    };
  });
  return JSON.stringify({ models, images: session.entries.map((entry) => rowOf(session, entry)) }, null, 2) +
    "\n";
}

/** @param {Session} session @param {Entry} entry */
function rowOf(session, entry) {
  session.findRegions(entry);
  const { name, scored, found, model, error, at, state } = entry;
  return {
    image: name,
    score: scored && scored.score,
    normalised: session.normalised(entry),
    label: session.label(entry),
    threshold: scored && session.threshold(model),
    pixel_threshold: found && found.threshold,
    width: scored && scored.width,
    height: scored && scored.height,
    region_count: found && found.count,
    regions: found && found.regions, // those with the highest peaks
    model,
    error: error ?? (state === "done" ? null : "not scored"),
    at: at && at.toISOString(),
  };
}

/** What a spreadsheet would take for a formula gets an apostrophe in front, as in src/report/csv.ts. @param {string | number | null} value */
function cell(value) {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const text = /^[=+\-@\t\r']/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
