// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What is known of an image, in words: beside it, in its row, and for those who hear the page.
 *
 * @module
 */
import { get } from "./dom.js";
import { format } from "./thresholds.js";

/** @import { Row } from "./list.js" */
/** @import { Counts, Entry, Session } from "./session.js" */

/** A sign and a word for each state: never colour alone. @type {Record<string, [sign: string, word: string]>} */
const WORDS = {
  normal: ["✓", "normal"],
  anomalous: ["✕", "anomalous"],
  undecided: ["·", "no threshold"],
  failed: ["!", "error"],
  waiting: ["…", "waiting"],
  scoring: ["…", "scoring"],
  stopped: ["–", "stopped"],
};

/** @param {Session} session @param {Entry} entry */
function kindOf(session, entry) {
  return entry.scored ? session.label(entry) ?? "undecided" : entry.state === "done" ? "failed" : entry.state;
}

/** @param {Session} session @param {Entry} entry @returns {Row} */
export function rowOf(session, entry) {
  const kind = kindOf(session, entry), [sign, word] = WORDS[kind];
  const detail = entry.error ??
    (entry.scored
      ? `score ${format(entry.scored.score)}${session.models.size > 1 ? `, ${entry.model}` : ""}`
      : "");
  return { thumbnail: entry.thumbnail, name: entry.name, detail, kind, label: `${sign} ${word}` };
}

/** In a sentence. @param {Session} session @param {Entry} entry */
export function spoken(session, entry) {
  const [, word] = WORDS[kindOf(session, entry)], { name, scored, error } = entry;
  return scored ? `${name}: ${word}, score ${format(scored.score)}` : `${name}: ${error ?? word}`;
}

/** @param {Counts} counts */
export function countsInWords({ normal, anomalous, undecided, failed, waiting }) {
  const all = normal + anomalous + undecided;
  const parts = undecided > 0
    ? [`${undecided} scored, no threshold`]
    : [`${normal} pass`, `${anomalous} fail`];
  if (failed > 0) parts.push(`${failed} with an error`);
  if (waiting > 0) parts.push(`${waiting} not scored yet`);
  return all + failed + waiting === 0 ? "Nothing scored yet" : parts.join(" · ");
}

/** Shows an image's verdict. @param {Session} session @param {Entry | null} entry @param {string} model that is chosen now @param {boolean} visible whether the browser can show the image */
export function showVerdict(session, entry, model, visible) {
  const facts = get("verdict-facts"),
    label = get("verdict-label"),
    error = get("verdict-error"),
    again = get("again");
  get("verdict-name").textContent = entry?.name ?? "No image yet";
  const kind = entry ? kindOf(session, entry) : null;
  label.className = `label ${kind ?? ""}`;
  label.textContent = kind === null ? "" : WORDS[kind].join(" ");
  error.hidden = !entry?.error;
  error.textContent = entry?.error ?? "";
  again.hidden = !entry?.file || ["waiting", "scoring"].includes(entry.state);
  again.textContent = entry?.state === "failed"
    ? "Try again"
    : entry && entry.model !== model
    ? `Score with ${model}`
    : "Score again";
  const rows = entry?.scored ? factsOf(session, entry) : [];
  if (entry && !entry.file) {
    rows.push(["Picture", "not kept any more: the session holds the camera’s last ones"]);
  } else if (entry?.scored && !visible) {
    rows.push(["Picture", "of a kind that this browser can’t show: the map alone is drawn"]);
  }
  facts.replaceChildren(...rows.flatMap(([name, value]) => {
    const term = document.createElement("dt"), description = document.createElement("dd");
    term.textContent = name;
    if (typeof value === "string") description.textContent = value;
    else description.append(...value);
    return [term, description];
  }));
}

/** @param {Session} session @param {Entry} entry @returns {[string, string | (Node | string)[]][]} */
function factsOf(session, entry) {
  const scored = /** @type {NonNullable<Entry["scored"]>} */ (entry.scored), { width, height, area } = scored;
  const normalised = session.normalised(entry), threshold = session.threshold(entry.model);
  /** @type {[string, string | (Node | string)[]][]} */
  const rows = [["Score", format(scored.score)]];
  if (threshold !== null) rows.push(["Threshold", format(threshold)]);
  if (normalised !== null) {
    const meter = document.createElement("meter");
    Object.assign(meter, { value: normalised, low: 0.5, high: 0.5, optimum: 0 });
    meter.ariaLabel = "Normalised score; the threshold is at 0.5";
    rows.push(["Normalised", [meter, ` ${normalised.toFixed(3)}`]]);
  }
  if (entry.found) {
    const { count, area: above } = entry.found,
      share = Math.min(100 * above / (area.width * area.height), 100);
    const largest = count > 0 ? `, ${share.toFixed(share < 1 ? 2 : 1)} % of the image` : "";
    rows.push(["Above pixel threshold", `${count} ${count === 1 ? "region" : "regions"}${largest}`]);
  }
  if (!session.model(entry.model).maps) rows.push(["Map", "none: the method scores whole images"]);
  rows.push(["Size", `${width} × ${height} pixels`], ["Model", entry.model]);
  return rows;
}
