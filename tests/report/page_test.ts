import assert from "node:assert/strict";
import { reportPage } from "../../src/report/page.ts";

const empty = { title: "run", header: [], rows: [], pictures: [], settings: {} };

Deno.test("pictures come by falling score, with addresses that survive odd names", () => {
  const picture = (file: string, score: number) => ({ file, score, label: 1 as const, defect: "hole" });
  const page = reportPage({
    ...empty,
    pictures: [picture("maps/a #1.png", 0.5), picture("maps/b?.png", 2.25)],
  });
  assert.deepEqual([...page.matchAll(/src="([^"]*)"/g)].map((m) => m[1]), [
    "maps/b%3F.png",
    "maps/a%20%231.png",
  ]);
  assert.deepEqual([...page.matchAll(/<span>(.*?)<\/span>/g)].map((m) => m[1]), ["2.25", "0.5"]);
});

Deno.test("images without a picture have a mark, and are counted", () => {
  const pictures = [["a.png", 3, 1], [null, 2, 1], [null, 1, 0], ["b.png", 0, 0]].map((
    [file, score, label],
  ) => (
    { file: file as string | null, score: score as number, label: label as 0 | 1, defect: null }
  ));
  const page = reportPage({ ...empty, pictures });
  assert.equal(page.match(/v18/g)?.length, 4);
  assert.equal(page.match(/<figure>/g)?.length, 2);
  assert.match(page, /<p>2 of 4 images, evenly spaced\. Highest image score first\./);
  assert.match(reportPage({ ...empty, pictures: [pictures[0]] }), /<p>Highest image score first\./);
  assert.doesNotMatch(reportPage({ ...empty, pictures: [pictures[1]] }), /Heat maps/);
});

Deno.test("nothing that is put in is read as HTML", () => {
  const evil = `<script>"'&`;
  const page = reportPage({
    title: evil,
    header: [evil, "n"],
    rows: [[evil, null]],
    pictures: [{ file: evil, score: 1, label: 1, defect: evil }],
    settings: { [evil]: evil, list: [evil] },
  });
  assert.doesNotMatch(page, /<script|'&|&(?!#\d+;)/);
  assert.equal(page.split("&#60;script&#62;").length - 1, 10);
});

Deno.test("tables and settings show what they are given", () => {
  const page = reportPage({
    ...empty,
    header: ["category", "aupro", "images"],
    rows: [["bottle", 0.5, 3], ["nut", null, 4]],
    settings: { epochs: 500, layers: [4, 4] },
  });
  assert.match(page, /<td class="number">0\.500<\/td>\s*<td class="number">3<\/td>/);
  assert.match(page, /<td class="number">–<\/td>/);
  assert.match(page, /<dt>epochs<\/dt><dd>500<\/dd>\s*<dt>layers<\/dt><dd>\[4,4\]<\/dd>/);
});

Deno.test("the loss curve runs from the first epoch to the last and is lifted over gaps", () => {
  const curve = (lossCurve: number[]) =>
    reportPage({ ...empty, lossCurve }).match(/class="curve" d="([^"]*)"/)?.[1];
  assert.equal(curve([3, 2, 1]), "M80.0 0.0L400.0 80.0L720.0 160.0");
  assert.equal(curve([100, NaN, 10, 1]), "M80.0 0.0M506.7 80.0L720.0 160.0"); // logarithmic
  assert.equal(curve([2, 2]), "M80.0 160.0L720.0 160.0");
  assert.equal(curve([1]), undefined);
  assert.equal(curve([NaN, NaN, 1]), undefined);
});

Deno.test("a mark for every labelled score, in the row of its label", () => {
  const pictures = [[4, 1], [2, 0], [3, null], [0, 0]].map(([score, label]) => ({
    file: `${score}.png`,
    score: score!,
    label: label as 0 | 1 | null,
    defect: null,
  }));
  const page = reportPage({ ...empty, pictures });
  assert.match(page, /class="marks anomalous" d="M720.0 2v18"/);
  assert.match(page, /class="marks normal" d="M400.0 30v18M80.0 30v18"/);
  assert.doesNotMatch(reportPage({ ...empty, pictures: [pictures[2]] }), /class="marks/);
});
