/**
 * A run as one web page: how good it is, at which threshold, by kind of defect and image by image, and what it was made of and
 * with. The numbers are in the page's text; its script (client/) draws charts and pictures, and lets the threshold be moved.
 *
 * @module
 */
import uPlotLicence from "npm:uplot@^1.6.32/LICENSE" with { type: "text" };
import uPlot from "npm:uplot@^1.6.32/dist/uPlot.iife.min.js" with { type: "text" };
import uPlotStyle from "npm:uplot@^1.6.32/dist/uPlot.min.css" with { type: "text" };
import { COLORMAP } from "./colormap.ts";
import charts from "./client/charts.js" with { type: "text" };
import decide from "./client/decide.js" with { type: "text" };
import dom from "./client/dom.js" with { type: "text" };
import gallery from "./client/gallery.js" with { type: "text" };
import main from "./client/main.js" with { type: "text" };
import scene from "./client/scene.js" with { type: "text" };
import threshold from "./client/threshold.js" with { type: "text" };
import viewer from "./client/viewer.js" with { type: "text" };
import { documentOf } from "./document.ts";
import { markup } from "./markup.ts";
import type { ReportData, ReportInput } from "./report_input.ts";
import {
  curvesSection,
  factsSection,
  imagesSection,
  kindsSection,
  metricsSection,
  thresholdSection,
  VIEWER,
} from "./sections.ts";

/** The page as HTML text. */
export async function reportPage(input: ReportInput): Promise<string> {
  const { title, subtitle, images, settings, about, lossCurve } = input;
  const isTold = images.some(({ label }) => label === 0) && images.some(({ label }) => label === 1);
  const data: ReportData = {
    bestF1: input.bestF1,
    curves: input.curves,
    images,
    range: input.range,
    lossCurve,
    threshold: input.threshold?.value ?? null,
    pixelThreshold: input.pixelThreshold &&
      { value: input.pixelThreshold.value, fpr: input.pixelThreshold.fpr ?? null },
    colours: COLORMAP.toBase64(),
  };
  const body = markup`<a class="skip" href="#images">To the images</a>
<header>
<h1>${title}</h1>
<p class="quiet">${subtitle}</p>
</header>
<noscript><p class="note">Charts, pictures and the movable threshold need JavaScript, which is switched off here.</p></noscript>
<main>
${
    images.length === 0
      ? markup`<p class="note">There are no test images, and so nothing was measured.</p>`
      : null
  }
${
    images.length > 0 && !isTold
      ? markup`<p class="note">All test images are of one kind, normal or anomalous: how well the two are told apart is unknown.</p>`
      : null
  }
${images.length > 0 ? [metricsSection(input), thresholdSection(input)] : null}
${isTold ? curvesSection(input) : null}
${kindsSection(input)}
${images.length > 0 ? imagesSection(input) : null}
${
    lossCurve.filter(Number.isFinite).length > 1
      ? markup`<section id="training"><h2>Training</h2><figure class="chart" id="loss-chart"></figure></section>`
      : null
  }
${Object.entries(about).map(([group, facts]) => factsSection(group, facts))}
${factsSection("Settings", settings)}
</main>
<footer class="quiet"><p>Charts: uPlot.</p><details><summary>Its licence</summary><pre>${uPlotLicence}</pre></details></footer>
${images.length > 0 ? VIEWER : null}`;
  const script = joined([decide, dom, charts, scene, threshold, viewer, gallery, main]);
  return await documentOf({ title, body, style: uPlotStyle, script: `${uPlot}\n${script}`, data });
}

/** Modules as one: what they import of each other is there already. Their names at the top differ. */
function joined(modules: readonly string[]): string {
  return modules.map((text) => text.replaceAll(/^import [^;]*;$/gm, "").replaceAll(/^export /gm, "")).join(
    "\n",
  );
}
