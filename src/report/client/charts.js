// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The page's charts, by uPlot: as wide as their place, in the page's colours, and drawn again where one of these changes.
 *
 * @module
 */
import uPlot from "npm:uplot@^1.6.32";
import { colour, element, onTheme } from "./dom.js";

/** @import { ReportCurve } from "../report_input.ts" */
/** @typedef {uPlot} Chart */
/** @typedef {uPlot.Options} Options */
/** @typedef {{ chart: Chart, redraw: () => void }} Drawn */

const FONT = "12px system-ui, sans-serif";
/** An axis below has one line of numbers. */
const BELOW = { size: 26 };
/** A chart's width on paper, CSS pixels. */
const PRINTED = 680;

/**
 * Puts a chart into a figure, above what stands there.
 *
 * @param {HTMLElement} figure @param {string} label what it shows, for who can't see it
 * @param {Partial<Options>} options @param {readonly (readonly (number | null)[])[]} data
 * @param {(width: number) => number} heightOf
 * @returns {Drawn}
 */
export function chartIn(figure, label, options, data, heightOf) {
  const place = element("div", { role: "img", "aria-label": label });
  figure.append(place);
  const size = (/** @type {number} */ width) => ({ width, height: heightOf(width) });
  const chart = new uPlot(
    { ...size(place.clientWidth || 300), legend: { show: false }, series: [], ...options },
    /** @type {any} */ (data),
    place,
  );
  const redraw = () => chart.redraw(false);
  const fit = (/** @type {number} */ width) => {
    if (width > 0 && width !== chart.width) chart.setSize(size(width));
  };
  new ResizeObserver(() => fit(place.clientWidth)).observe(place);
  addEventListener("beforeprint", () => fit(Math.min(place.clientWidth, PRINTED)));
  addEventListener("afterprint", () => fit(place.clientWidth));
  onTheme(redraw);
  return { chart, redraw };
}

/** @param {string} label @param {object} [more] */
export function axis(label, more = {}) {
  const stroke = () => colour("--quiet"), line = () => colour("--line");
  return {
    ...{ label, stroke, font: FONT, labelFont: FONT, labelSize: 20, size: 42 },
    ...{ grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } },
    ...more,
  };
}

/** A line over the whole height of a chart. @param {Chart} chart @param {number} x @param {string} name of its colour */
export function drawLine(chart, x, name) {
  const { ctx, bbox: { top, height, left, width } } = chart, at = Math.round(chart.valToPos(x, "x", true));
  if (at < left || at > left + width) return;
  ctx.save();
  ctx.fillStyle = colour(name);
  ctx.fillRect(at - devicePixelRatio, top, 2 * devicePixelRatio, height);
  ctx.restore();
}

/** @param {Chart} chart @param {number} x @param {number} y */
export function drawDot(chart, x, y) {
  const { ctx } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.arc(chart.valToPos(x, "x", true), chart.valToPos(y, "y", true), 6 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fillStyle = colour("--accent");
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

/**
 * A curve of fractions, with a note of the values under the pointer.
 *
 * @param {HTMLElement} figure @param {string} label @param {ReportCurve} curve
 * @param {{ x: string, y: string, most: number, mark: (chart: Chart) => void }} options most: where x ends
 */
export function curveIn(figure, label, { x, y }, { x: xLabel, y: yLabel, most, mark }) {
  const note = element("p", { class: "quiet note-of-chart" });
  const drawn = chartIn(
    figure,
    label,
    {
      scales: { x: { time: false, range: [0, most] }, y: { range: [0, 1] } },
      axes: /** @type {any} */ ([axis(xLabel, BELOW), axis(yLabel)]),
      series: [{}, {
        stroke: () => colour("--curve"),
        width: 2,
        fill: () => colour("--curve-soft"),
        points: { show: false },
      }],
      cursor: { drag: { x: false, y: false }, y: false },
      hooks: {
        draw: [mark],
        setCursor: [(chart) => {
          const at = chart.cursor.idx;
          note.textContent = at === null || at === undefined
            ? ""
            : `${xLabel} ${x[at].toFixed(3)}, ${yLabel} ${y[at].toFixed(3)}`;
        }],
      },
    },
    [x, y],
    (width) => Math.round(Math.min(width * 0.85, 340)),
  );
  figure.append(note);
  return drawn;
}

/**
 * Bars of how many images of each label have which score; `mark` draws over them.
 *
 * @param {HTMLElement} figure
 * @param {{ centres: number[], normal: number[], anomalous: number[], low: number, high: number }} bins
 * @param {(chart: Chart) => void} mark
 */
export function histogramIn(figure, { centres, normal, anomalous, low, high }, mark) {
  const bars = uPlot.paths.bars?.({ size: [0.9, Infinity], gap: 1 }), room = (high - low) / 50;
  figure.append(element(
    "p",
    { class: "keys-of-chart quiet" },
    element("i", { class: "key normal" }),
    "normal ",
    element("i", { class: "key anomalous" }),
    "anomalous",
  ));
  const series = (/** @type {string} */ name) => ({
    paths: bars,
    points: { show: false },
    width: 1,
    stroke: () => colour(`--${name}`),
    fill: () => colour(`--${name}-soft`),
  });
  const whole = { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] };
  return chartIn(
    figure,
    "Histogram of the images' scores, normal and anomalous",
    {
      scales: {
        x: { time: false, range: [low - room, high + room] },
        y: { range: (_, _low, most) => [0, most * 1.05] },
      },
      axes: /** @type {any} */ ([axis("score", BELOW), axis("images", whole)]),
      series: [{}, series("normal"), series("anomalous")],
      cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
      hooks: { draw: [mark] },
    },
    [centres, ...[normal, anomalous].map((counts) => counts.map((count) => count || null))], // no line where none are
    (width) => width < 500 ? 220 : 260,
  );
}

/** The loss over the epochs, on a logarithmic axis where it spans more than a factor of ten. @param {HTMLElement} figure @param {readonly (number | null)[]} losses */
export function lossIn(figure, losses) {
  const known = losses.filter((loss) => loss !== null);
  const low = Math.min(...known), isLog = low > 0 && Math.max(...known) / low > 10;
  const title = `Mean loss by epoch${isLog ? ", logarithmic" : ""}`;
  figure.append(element("figcaption", { class: "quiet" }, title));
  return chartIn(
    figure,
    title,
    {
      scales: { x: { time: false }, y: isLog ? { distr: 3 } : {} },
      axes: /** @type {any} */ ([axis("epoch", BELOW), axis("loss", { size: 64 })]),
      series: [{}, { stroke: () => colour("--accent"), width: 2, points: { show: losses.length < 40 } }],
      cursor: { drag: { x: false, y: false } },
    },
    [losses.map((_, i) => i + 1), losses],
    () => 220,
  );
}
