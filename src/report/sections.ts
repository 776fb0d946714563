/**
 * The parts of a report's page, each with its numbers as they are at the model's threshold. Elements with an `id` or a `data-`
 * attribute are what the page's script (client/) fills, moves or shows.
 *
 * @module
 */
import { Markup, markup, type Part } from "./markup.ts";
import { DECISION_NOTES, METRIC_NOTES } from "./metric_notes.ts";
import type { CurveName, ReportCounts, ReportInput, ReportThreshold } from "./report_input.ts";

/** The metrics, with what each means. */
export function metricsSection({ metrics }: ReportInput): Markup {
  const cards = Object.entries(metrics).map(([name, value]) => {
    const { title, meaning } = METRIC_NOTES[name] ?? { title: name, meaning: "" };
    return markup`<div class="card"><dt>${title}</dt><dd class="big">${
      fraction(value)
    }</dd><dd class="quiet">${meaning}</dd></div>`;
  });
  return markup`<section id="metrics">
<h2>How good it is</h2>
<dl class="cards">${cards}</dl>
</section>`;
}

/** The threshold: where it is from, a place for the histogram, counts and rates. */
export function thresholdSection({ threshold, pixelThreshold, bestF1, command }: ReportInput): Markup {
  const count = (name: "tp" | "fp" | "tn" | "fn"): Markup =>
    markup`<span data-count="${name}">${threshold?.[name] ?? "–"}</span>`;
  const rates = Object.entries(DECISION_NOTES).map(([name, { title, meaning }]) =>
    markup`<div><dt>${title}</dt><dd><span class="strong" data-rate="${name}">${
      fraction(threshold?.[name as "f1"])
    }</span></dd><dd class="quiet">${meaning}</dd></div>`
  );
  const words = threshold
    ? markup`This model’s threshold is <b>${shown(threshold.value)}</b>: ${threshold.words}.`
    : markup`This model has no threshold; ${
      bestF1 === null ? "the highest score" : "the one with the best F1 on these images"
    } is shown instead.`;
  return markup`<section id="threshold">
<h2>Threshold</h2>
<p>An image is called anomalous where its score is above the threshold. ${words}</p>
<figure class="chart" id="histogram"></figure>
<div class="bar" id="threshold-bar" hidden>
<label for="threshold-range">Threshold</label>
<input type="range" id="threshold-range" min="0" max="1000" step="1">
<input type="number" id="threshold-number" step="any" aria-label="Threshold as a number">
<span class="buttons" id="threshold-buttons"></span>
</div>
<div class="columns">
<table class="confusion">
<caption>Images at the threshold <span data-threshold>${
    threshold ? shown(threshold.value) : "–"
  }</span></caption>
<thead><tr><td></td><th scope="col">called normal</th><th scope="col">called anomalous</th></tr></thead>
<tbody>
<tr><th scope="row">normal</th><td class="right">${count("tn")}<small>passed</small></td><td class="wrong">${
    count("fp")
  }<small>false alarms</small></td></tr>
<tr><th scope="row">anomalous</th><td class="wrong">${
    count("fn")
  }<small>missed</small></td><td class="right">${count("tp")}<small>found</small></td></tr>
</tbody>
</table>
<dl class="rates">${rates}</dl>
</div>
<p class="quiet command" id="threshold-command" hidden>To give it to the model: <code>${command} <span data-threshold="exact"></span></code></p>
${pixelThreshold ? pixelWords(pixelThreshold) : null}
</section>`;
}

function pixelWords(
  { value, words, precision, recall, f1, fpr }: ReportThreshold & Partial<ReportCounts>,
): Markup {
  const found = f1 === undefined
    ? ""
    : ` Of pixels, precision is ${fraction(precision)}, recall ${fraction(recall)}, F1 ${
      fraction(f1)
    } and the false-positive rate ${fraction(fpr)}.`;
  return markup`<p>A pixel is called anomalous where the map is above <b>${
    shown(value)
  }</b>: ${words}.${found}</p>`;
}

/** A heading and what it says, by curve. */
const CURVES: Record<CurveName, [title: string, meaning: string]> = {
  image_roc: [
    "ROC of images",
    "What is found (upwards) against false alarms. The area under it is the image AUROC.",
  ],
  image_pr: [
    "Precision and recall of images",
    "How far alarms can be trusted (upwards) when that much is found.",
  ],
  pro: ["PRO", "Mean share of each defect that is covered, against normal pixels called anomalous."],
  pixel_roc: ["ROC of pixels", "The same as for images, of all pixels."],
  pixel_pr: ["Precision and recall of pixels", "The same as for images, of all pixels."],
};

/** Places for the curves that there are. */
export function curvesSection({ curves }: ReportInput): Markup {
  const figures = Object.entries(CURVES).filter(([name]) => curves[name as CurveName]).map((
    [name, [title, meaning]],
  ) =>
    markup`<figure class="chart" data-curve="${name}"><figcaption><b>${title}</b> <span class="quiet">${meaning}</span></figcaption></figure>`
  );
  return markup`<section id="curves">
<h2>Curves over all thresholds</h2>
<p class="quiet">The dot is where the threshold above puts images; the line in PRO where the pixel threshold lies.</p>
<div class="charts">${figures}</div>
</section>`;
}

/** A table by kind of defect; null where there is none. */
export function kindsSection({ kinds }: ReportInput): Markup | null {
  const names = Object.keys(kinds);
  if (names.length === 0) return null;
  const columns = ["image_auroc", "image_ap", "pixel_auroc", "pixel_ap", "aupro"] as const;
  const rows = names.map((name) => {
    const kind = kinds[name], { images, found } = kind;
    return markup`<tr><th scope="row">${name}</th><td>${images}</td><td><span data-found="${name}">${
      found ?? "–"
    }</span></td><td><span data-missed="${name}">${found === null ? "–" : images - found}</span></td>${
      columns.map((column) => markup`<td>${fraction(kind[column])}</td>`)
    }</tr>`;
  });
  return markup`<section id="kinds">
<h2>By kind of defect</h2>
<p class="quiet">Each kind beside all normal images.</p>
<div class="wide" tabindex="0" role="region" aria-label="Table by kind of defect"><table class="numbers">
<thead><tr><th scope="col">Kind</th><th scope="col">Images</th><th scope="col">Found</th><th scope="col">Missed</th>${
    columns.map((column) => markup`<th scope="col">${METRIC_NOTES[column].title}</th>`)
  }</tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

/** Controls and a place for the images. */
export function imagesSection({ images, kinds, pixelThreshold }: ReportInput): Markup {
  const drawn = images.filter(({ picture }) => picture !== null);
  const hasMaps = drawn.some(({ picture }) => picture?.map),
    hasMasks = drawn.some(({ picture }) => picture?.mask);
  const option = (name: string) => markup`<option value="${name}">${name}</option>`;
  const view = (name: string, title: string, isChosen: boolean) =>
    markup`<label><input type="radio" name="view" value="${name}"${
      isChosen ? new Markup(" checked") : null
    }> ${title}</label>`;
  const tick = (name: string, title: string) =>
    markup`<label><input type="checkbox" id="show-${name}" checked> <i class="key ${name}"></i>${title}</label>`;
  return markup`<section id="images">
<h2>Images</h2>
<p class="quiet">${hasMaps ? "Colours mean the same scores in all pictures. " : null}${
    drawn.length < images.length ? `${drawn.length} of ${images.length} images have a picture. ` : null
  }<span id="folder"></span></p>
<form class="tools" id="tools" hidden>
<div class="row">
<label>Search <input type="search" id="find" placeholder="part of a path"></label>
<label>Images <select id="verdict"><option value="">all</option><option value="wrong">wrong</option><option value="missed">missed</option><option value="false alarm">false alarms</option><option value="found">found</option><option value="passed">passed</option></select></label>
<label>Label <select id="label"><option value="">any</option><option value="0">normal</option><option value="1">anomalous</option></select></label>
<label>Kind <select id="kind"><option value="">any</option>${Object.keys(kinds).map(option)}</select></label>
<label>Order <select id="order"><option value="mistakes">mistakes first</option><option value="high">highest score first</option><option value="low">lowest score first</option><option value="path">by path</option></select></label>
</div>
<div class="row" id="shown">
${
    hasMaps
      ? markup`<fieldset><legend>Show</legend>${view("image", "image", false)} ${
        view("overlay", "overlay", true)
      } ${view("map", "map", false)}</fieldset>
<label>Opacity <input type="range" id="opacity" min="0" max="100" value="85"></label>`
      : null
  }
${hasMaps && pixelThreshold ? [tick("outline", "above the pixel threshold"), tick("boxes", "boxes")] : null}
${hasMasks ? tick("mask", "true defect") : null}
</div>
</form>
<p id="count" role="status"></p>
<div class="gallery" id="gallery"></div>
<p><button type="button" id="more" hidden>Show more</button></p>
</section>`;
}

/** A dialog that shows one image. */
export const VIEWER: Markup = markup`<dialog id="viewer" aria-labelledby="viewer-title">
<div class="viewer-head"><h2 id="viewer-title"></h2>
<span class="buttons"><button type="button" data-do="previous" aria-label="Previous image">←</button>
<button type="button" data-do="next" aria-label="Next image">→</button>
<button type="button" data-do="out" aria-label="Smaller">−</button>
<button type="button" data-do="in" aria-label="Larger">+</button>
<button type="button" data-do="whole">Whole image</button>
<button type="button" data-do="close">Close</button></span></div>
<div id="viewer-shown"></div>
<canvas id="stage" tabindex="0" role="img"></canvas>
<p id="viewer-text"></p>
<p class="quiet keys">Keys: ← → other images, + − zoom, 0 whole image, Shift and arrows move, i o m image, overlay, map, Esc closes. Wheel or two fingers zoom, dragging moves.</p>
</dialog>`;

/** Names and values. */
export function factsSection(title: string, facts: Readonly<Record<string, unknown>>): Markup {
  const text = (value: unknown): string =>
    typeof value === "string" ? value : value === null ? "–" : JSON.stringify(value) ?? String(value);
  const items = Object.entries(facts).map(([key, value]) =>
    markup`<div><dt>${key}</dt><dd>${text(value)}</dd></div>`
  );
  return markup`<section><h2>${title}</h2>
<dl class="facts">${items}</dl></section>`;
}

function fraction(value: number | null | undefined): Part {
  return value === null || value === undefined ? "–" : value.toFixed(3);
}

/** A score, to four significant digits. */
function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}
