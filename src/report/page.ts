/**
 * A run as one web page: metrics, loss curve, heat maps, most anomalous first, and settings. One file without scripts
 * that needs no server; only the pictures lie beside it.
 *
 * @module
 */
import { type Cell, formatCells, isNumeric } from "./table.ts";

/** A heat map picture and what is known of its image. */
export interface Picture {
  /** The PNG's path from the page's folder, with forward slashes; null where none was drawn. */
  file: string | null;
  /** Image score. */
  score: number;
  /** 0 normal, 1 anomalous, null unknown. */
  label: 0 | 1 | null;
  /** The kind of defect, if known. */
  defect: string | null;
}

/** What a page shows. */
export interface ReportInput {
  /** Heading and window title. */
  title: string;
  /** Column names of the metrics table. */
  header: string[];
  /** Its rows, with a cell for each column. */
  rows: Cell[][];
  /** Images in any order, with their heat maps; may be empty. */
  pictures: Picture[];
  /** Every setting in effect, by name. */
  settings: Record<string, unknown>;
  /** Mean training loss of each epoch. */
  lossCurve?: number[];
}

/**
 * The page as HTML text. It follows the reader's light or dark theme.
 *
 * @throws RangeError if a row hasn't got a cell for each column
 */
export function reportPage({ title, header, rows, pictures, settings, lossCurve = [] }: ReportInput): string {
  const sorted = pictures.toSorted((a, b) => b.score - a.score);
  const sections = [markup`<h1>${title}</h1>`, metricsTable(header, rows)];
  if (lossCurve.filter(Number.isFinite).length > 1) sections.push(lossChart(lossCurve));
  if (pictures.some((p) => p.label !== null)) sections.push(scoreChart(sorted));
  const drawn = sorted.filter((picture) => picture.file !== null) as Drawn[];
  if (drawn.length > 0) sections.push(gallery(drawn, sorted.length));
  sections.push(settingsList(settings));
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${sections}
</body>
</html>
`;
  return page.text;
}

/** Text that is HTML already. */
class Markup {
  constructor(readonly text: string) {}
}

/** What can be put into HTML. */
type Part = string | number | Markup | Markup[];

/** Template tag: everything put in is escaped, unless it is markup itself; a list's items get a line each. */
function markup(texts: TemplateStringsArray, ...parts: Part[]): Markup {
  const toText = (part: Part): string => {
    if (part instanceof Markup) return part.text;
    if (Array.isArray(part)) return part.map(toText).join("\n");
    return String(part).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  };
  return new Markup(String.raw({ raw: texts }, ...parts.map(toText)));
}

function metricsTable(header: string[], rows: Cell[][]): Markup {
  const kinds = header.map((_, c) => isNumeric(rows, c) ? "number" : "text");
  const names = header.map((name, c) => markup`<th class="${kinds[c]}">${name}</th>`);
  const body = formatCells(rows, header.length).map((row) => {
    const cells = row.map((cell, c) => markup`<td class="${kinds[c]}">${cell}</td>`);
    return markup`<tr>${cells}</tr>`;
  });
  return markup`<div class="wide"><table>
<thead><tr>${names}</tr></thead>
<tbody>${body}</tbody>
</table></div>`;
}

type Drawn = Picture & { file: string };

function gallery(pictures: Drawn[], images: number): Markup {
  const figures = pictures.map(({ file, score, label, defect }) => {
    const address = file.split("/").map(encodeURIComponent).join("/");
    const kind = label === 1 ? "anomalous" : "normal";
    const badge = label === null ? "" : markup`<b class="${kind}">${defect ?? kind}</b>`;
    return markup`<figure><img src="${address}" alt="Heat map of ${file}" loading="lazy">
<figcaption><span>${formatNumber(score)}</span> ${badge} ${file}</figcaption></figure>`;
  });
  return markup`<h2>Heat maps</h2>
<p>${
    pictures.length < images ? `${pictures.length} of ${images} images, evenly spaced. ` : ""
  }Highest image score first. From left to right: the image, the heat map over it, the heat map alone
and, where it is known, the outline of the true defect. Colours mean the same scores in all pictures.</p>
<div class="gallery">${figures}</div>`;
}

function settingsList(settings: Record<string, unknown>): Markup {
  const show = (value: unknown): string =>
    typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  const items = Object.entries(settings).map(([key, value]) =>
    markup`<dt>${key}</dt><dd>${show(value)}</dd>`
  );
  return markup`<h2>Settings</h2>
<dl>${items}</dl>`;
}

/** Size of the charts' drawing area and the space left of and below it for numbers, in CSS pixels. */
const WIDTH = 640, HEIGHT = 160, LEFT = 80, BELOW = 24;

/** The loss over the epochs (at least one finite), on a logarithmic axis where it spans more than a factor of ten. */
function lossChart(losses: number[]): Markup {
  const finite = losses.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b)), high = finite.reduce((a, b) => Math.max(a, b));
  const logarithmic = low > 0 && high / low > 10;
  const place = logarithmic ? Math.log : (v: number) => v;
  let path = "", pen = "M"; // lifted where the loss isn't finite
  losses.forEach((loss, i) => {
    const x = LEFT + WIDTH * i / (losses.length - 1);
    const y = HEIGHT * (1 - (place(loss) - place(low)) / (place(high) - place(low) || 1));
    if (Number.isFinite(loss)) path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = Number.isFinite(loss) ? "L" : "M";
  });
  const title = `Mean loss by epoch${logarithmic ? ", logarithmic" : ""}`;
  const ends = ["epoch 1", `epoch ${losses.length}`, formatNumber(low), formatNumber(high)];
  const curve = markup`<path class="curve" d="${path}"/>`;
  return markup`<h2>Training loss</h2>
<p>${title}.</p>
${frame(title, ends, HEIGHT, [curve])}`;
}

/** A mark for every labelled image's score, normal ones in the lower row: how well the scores part the two. */
function scoreChart(pictures: Picture[]): Markup {
  const high = pictures[0].score, low = pictures[pictures.length - 1].score;
  const marks = (label: 0 | 1, top: number): Markup => {
    const scores = pictures.filter((p) => p.label === label).map((p) => p.score);
    const x = scores.map((score) => LEFT + WIDTH * (score - low) / (high - low || 1));
    const path = x.map((at) => `M${at.toFixed(1)} ${top}v18`).join("");
    return markup`<path class="marks ${label === 1 ? "anomalous" : "normal"}" d="${path}"/>`;
  };
  const ends = [formatNumber(low), formatNumber(high), "normal", "anomalous"];
  return markup`<h2>Image scores</h2>
${frame("Image scores, normal and anomalous", ends, 52, [marks(1, 2), marks(0, 30)])}`;
}

/** A chart's axes, what is written at their ends, and what is drawn between them. */
function frame(title: string, [left, right, low, high]: string[], height: number, content: Markup[]): Markup {
  const end = LEFT + WIDTH, box = `0 -8 ${end + 16} ${height + BELOW + 8}`;
  return markup`<svg viewBox="${box}" role="img"><title>${title}</title>
<path class="axis" d="M${LEFT} 0V${height}H${end}"/>
<text x="${LEFT}" y="${height + 18}">${left}</text>
<text x="${end}" y="${height + 18}" class="end">${right}</text>
<text x="${LEFT - 8}" y="${height}" class="end">${low}</text>
<text x="${LEFT - 8}" y="8" class="end">${high}</text>
${content}</svg>`;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

const STYLE = `
:root { color-scheme: light dark; --text: #1c1c22; --quiet: #666a73; --line: #d5d7dc; --page: #fff;
  --bad: #b8325c; --good: #1f7a55; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8ec; --quiet: #9a9ea8; --line: #3a3d45; --page: #16171b; --bad: #ff7a9f; --good: #5fd3a0; }
}
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--page); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p, figcaption, dt, svg text { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
.number { text-align: right; }
svg { width: 100%; max-width: 46rem; display: block; font-size: 12px; }
svg text { fill: currentColor; } .end { text-anchor: end; }
svg path { fill: none; } .axis { stroke: var(--line); }
.curve { stroke: var(--bad); stroke-width: 1.5; stroke-linejoin: round; }
.marks { stroke-width: 2; stroke-opacity: .55; } .marks.normal { stroke: var(--good); } .marks.anomalous { stroke: var(--bad); }
b.normal { color: var(--good); } b.anomalous { color: var(--bad); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); gap: 1.2rem; }
figure { margin: 0; } img { width: 100%; height: auto; display: block; border-radius: 3px; }
figcaption { font-size: 13px; overflow-wrap: anywhere; }
figcaption span { color: var(--text); font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.5rem; font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; }
`;
