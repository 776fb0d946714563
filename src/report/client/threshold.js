// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The threshold and what hangs on it: the histogram that it is dragged in, its controls, the counts, and the dots in the curves.
 *
 * @module
 */
import { curveIn, drawDot, drawLine, histogramIn } from "./charts.js";
import { binned, countsAt } from "./decide.js";
import { all, byId, element, shownFraction, shownScore } from "./dom.js";

/** @import { CurveName, ReportData } from "../report_input.ts" */
/** @typedef {"moving" | "moved"} Stage moving: there is more to come */

/**
 * @param {ReportData} data @param {number} first
 * @param {(threshold: number, stage: Stage) => void} onChange
 */
export function startThreshold(data, first, onChange) {
  const { images, curves } = data, bins = binned(images, 48), { low, high } = bins;
  let threshold = first, counts = countsAt(images, threshold);
  const range = /** @type {HTMLInputElement} */ (byId("threshold-range"));
  const number = /** @type {HTMLInputElement} */ (byId("threshold-number"));

  const histogram = histogramIn(byId("histogram"), bins, (chart) => drawLine(chart, threshold, "--accent"));
  const drawn = [histogram, ...drawCurves(curves, data.pixelThreshold, () => counts)];

  /** @param {number} value @param {Stage} stage */
  const set = (value, stage) => {
    threshold = value;
    counts = countsAt(images, threshold);
    range.value = String(Math.round(1000 * (threshold - low) / (high - low)));
    range.setAttribute("aria-valuetext", shownScore(threshold));
    if (document.activeElement !== number) number.value = String(threshold);
    write();
    for (const { redraw } of drawn) redraw();
    onChange(threshold, stage);
  };
  const write = () => {
    for (const output of all("[data-threshold]")) {
      output.textContent = output.dataset.threshold === "exact" ? String(threshold) : shownScore(threshold);
    }
    for (const output of all("[data-count]")) {
      output.textContent = String(counts[/** @type {"tp"} */ (output.dataset.count)]);
    }
    for (const output of all("[data-rate]")) {
      output.textContent = shownFraction(counts[/** @type {"f1"} */ (output.dataset.rate)]);
    }
    const byKind = Map.groupBy(images, ({ kind }) => kind);
    for (const output of all("[data-found]")) {
      output.textContent = String(countsAt(byKind.get(output.dataset.found ?? "") ?? [], threshold).tp);
    }
    for (const output of all("[data-missed]")) {
      output.textContent = String(countsAt(byKind.get(output.dataset.missed ?? "") ?? [], threshold).fn);
    }
  };

  const step = 10 ** Math.floor(Math.log10((high - low) / 1000));
  /** Of few digits, but at the ends, which are scores themselves. @param {number} value */
  const readable = (value) => {
    if (value <= low || value >= high) return value <= low ? low : high;
    return Number((Math.round(value / step) * step).toPrecision(12));
  };
  const ofRange = () => readable(low + Number(range.value) / 1000 * (high - low));
  range.addEventListener("input", () => set(ofRange(), "moving"));
  range.addEventListener("change", () => set(ofRange(), "moved"));
  number.addEventListener("input", () => {
    if (number.value !== "" && Number.isFinite(number.valueAsNumber)) set(number.valueAsNumber, "moved");
  });
  number.addEventListener("change", () => number.value = String(threshold));
  dragIn(histogram.chart, (value, stage) => set(readable(value), stage));
  for (const [title, value] of presets(data)) {
    const button = element("button", { type: "button" }, title);
    button.addEventListener("click", () => set(value, "moved"));
    byId("threshold-buttons").append(button);
  }
  byId("threshold-bar").hidden = false;
  byId("threshold-command").hidden = false;
  set(first, "moved");
}

/**
 * Thresholds with names.
 *
 * @param {ReportData} data @returns {[title: string, value: number][]}
 */
function presets({ threshold, bestF1, images }) {
  const most = (/** @type {(image: ReportData["images"][number]) => boolean} */ isMeant) =>
    images.reduce((most, image) => isMeant(image) ? Math.max(most, image.score) : most, -Infinity);
  const least = images.reduce(
    (least, { label, score }) => label === 1 ? Math.min(least, score) : least,
    Infinity,
  );
  const below = most(({ score }) => score < least);
  /** @type {[string, number | null][]} */
  const named = [
    ["the model’s", threshold],
    ["best F1", bestF1],
    ["no false alarm", most(({ label }) => label === 0)],
    ["nothing missed", below === -Infinity ? least - Math.abs(least || 1) * 1e-6 : (least + below) / 2],
  ];
  return /** @type {[string, number][]} */ (named.filter(([, value]) =>
    value !== null && Number.isFinite(value)
  ));
}

/**
 * @param {ReportData["curves"]} curves @param {ReportData["pixelThreshold"]} pixel
 * @param {() => import("../report_input.ts").ReportCounts} counts
 */
function drawCurves(curves, pixel, counts) {
  const dot = (
    /** @type {import("./charts.js").Chart} */ chart,
    /** @type {"fpr" | "recall"} */ x,
    /** @type {"recall" | "precision"} */ y,
  ) => {
    const { [x]: across, [y]: up } = counts();
    if (across !== null && up !== null) drawDot(chart, across, up);
  };
  const line = (/** @type {import("./charts.js").Chart} */ chart) => {
    if (pixel && pixel.fpr !== null) drawLine(chart, pixel.fpr, "--accent");
  };
  const [fpr, recall, precision] = ["false-positive rate", "recall", "precision"];
  const roc = { x: fpr, y: recall, most: 1 }, pr = { x: recall, y: precision, most: 1 }, none = () => {};
  /** @type {Record<CurveName, Parameters<typeof curveIn>[3]>} */
  const how = {
    image_roc: { ...roc, mark: (chart) => dot(chart, "fpr", "recall") },
    image_pr: { ...pr, mark: (chart) => dot(chart, "recall", "precision") },
    pro: { x: fpr, y: "mean overlap", most: 0.3, mark: line },
    pixel_roc: { ...roc, mark: none },
    pixel_pr: { ...pr, mark: none },
  };
  return all("[data-curve]").map((figure) => {
    const name = /** @type {CurveName} */ (figure.dataset.curve), curve = curves[name];
    if (!curve) throw new Error(`Expected a curve ${name}, but found none`);
    return curveIn(figure, figure.querySelector("b")?.textContent ?? name, curve, how[name]);
  });
}

/** Lets a value be chosen by pressing and dragging in a chart. @param {import("./charts.js").Chart} chart @param {(value: number, stage: Stage) => void} set */
function dragIn(chart, set) {
  const { over } = chart;
  const at = (/** @type {PointerEvent} */ event) =>
    chart.posToVal(event.clientX - over.getBoundingClientRect().left, "x");
  over.classList.add("dragged");
  over.addEventListener("pointerdown", (event) => {
    over.setPointerCapture(event.pointerId);
    set(at(event), "moving");
  });
  over.addEventListener("pointermove", (event) => {
    if (over.hasPointerCapture(event.pointerId)) set(at(event), "moving");
  });
  over.addEventListener("pointerup", (event) => set(at(event), "moved"));
}
