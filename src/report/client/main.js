// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Starts what a report has.
 *
 * @module
 */
import { lossIn } from "./charts.js";
import { firstThreshold } from "./decide.js";
import { byId } from "./dom.js";
import { Gallery } from "./gallery.js";
import { startThreshold } from "./threshold.js";

/** @type {import("../report_input.ts").ReportData} */
const reportData = JSON.parse(byId("data").textContent ?? "");
if (reportData.images.length > 0) {
  const first = firstThreshold(reportData), gallery = new Gallery(reportData, first);
  startThreshold(reportData, first, (threshold, stage) => gallery.setThreshold(threshold, stage));
}
const lossFigure = document.getElementById("loss-chart");
if (lossFigure) lossIn(lossFigure, reportData.lossCurve);
