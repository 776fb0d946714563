/**
 * What stands in a report's text; what its script does with it is seen in tests/browser/report_test.ts.
 *
 * @module
 */
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { decodeImage } from "../../src/data/image.ts";
import { embed } from "../../src/report/embed.ts";
import { reportPage } from "../../src/report/page.ts";
import { EVIL, smallReport } from "./input.ts";

const report = await smallReport(), page = await reportPage(report);
/** Without what is not told but run. */
const text = page.replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, "");

Deno.test("numbers stand in the page's text", () => {
  match(text, /<dt>Image AUROC<\/dt><dd class="big">0\.813<\/dd><dd class="quiet">The chance that /);
  match(text, /<dt>Image AP<\/dt><dd class="big">–<\/dd>/);
  const counts = ["tp", "fp", "tn", "fn"].map((name) =>
    new RegExp(`data-count="${name}">(\\d+)<`).exec(text)?.[1]
  );
  deepEqual(counts, ["2", "1", "3", "2"]);
  const rates = ["precision", "recall", "f1", "fpr"].map((name) =>
    new RegExp(`data-rate="${name}">([\\d.]+)<`).exec(text)?.[1]
  );
  deepEqual(rates, ["0.667", "0.500", "0.571", "0.250"]);
  match(text, /threshold is <b>5\.5<\/b>: given /);
  match(text, /above <b>5\.5<\/b>: given by hand\.\s*<\/p>/); // its counts are not known
  match(text, /<th scope="row">crack<\/th><td>2<\/td><td><span data-found="crack">1<\/span><\/td>/);
  match(text, /<dt>layers<\/dt><dd>\[4,4\]<\/dd>/);
  match(text, /<dt>Weights<\/dt><dd>–<\/dd>/);
  match(text, /Copyright \(c\) 2022 Leon Sorokin/);
});

Deno.test("nothing that is put in is read as HTML", () => {
  equal([...page.matchAll(/<script/g)].length, 2);
  equal([...page.matchAll(/<\/script/gi)].length, 2);
  doesNotMatch(page, /<img|<!--/);
  const data = / id="data">(.*?)<\/script>/s.exec(page)![1];
  doesNotMatch(data, /</);
  const { images, lossCurve } = JSON.parse(data);
  deepEqual(images, report.images);
  deepEqual(lossCurve, [3, null, 2, 1]);
});

Deno.test("the browser is to run and load what is in the page, and nothing else", async () => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1].replaceAll(
    "&#39;",
    "'",
  );
  const directives = policy.split("; ").map((directive) => directive.split(" "));
  deepEqual(directives.map(([name]) => name), [
    ...["default-src", "img-src", "style-src", "script-src", "base-uri", "form-action"],
  ]);
  for (const [name, value] of directives) {
    const element = { "style-src": "style", "script-src": 'script type="module"' }[name];
    if (element === undefined) continue;
    const [, content] = new RegExp(`<${element}>([\\s\\S]*?)</`).exec(page)!;
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
    equal(value, `'sha256-${new Uint8Array(hash).toBase64()}'`);
  }
  doesNotMatch(text, / style="| on\w+="/);
});

Deno.test("what isn't known is left out, or said to be", async () => {
  const none = await reportPage({ ...report, images: [], kinds: {}, lossCurve: [] });
  match(none, /<p class="note">There are no test images/);
  doesNotMatch(none, /id="(threshold|images|curves|kinds|training|viewer)"/);
  const normal = report.images.filter(({ label }) => label === 0);
  const untold = await reportPage({
    ...report,
    images: normal,
    threshold: null,
    bestF1: null,
    pixelThreshold: null,
  });
  match(untold, /All test images are of one kind/);
  match(untold, /This model has no threshold; the highest score/);
  doesNotMatch(untold, /id="(curves|show-outline|show-mask)"/);
  const undrawn = await reportPage({
    ...report,
    images: report.images.map((image, i) => i > 0 ? image : { ...image, picture: null }),
  });
  match(undrawn, /7 of 8 images have a picture\./);
});

Deno.test("pictures are small, in their own proportions, and lose no small defect", async () => {
  const width = 1000, height = 500;
  const image = { width, height, data: new Uint8Array(3 * width * height).fill(90) };
  const map = { width, height, data: new Float32Array(width * height).fill(-2) };
  const mask = { width, height, data: new Uint8Array(width * height) };
  map.data[321 * width + 777] = 6;
  mask.data[321 * width + 777] = 1;
  const area = { x: 0, y: 0, width, height }, boxes = [{ x: 777, y: 321, width: 1, height: 1 }];
  const picture = await embed({ image, map, area, mask, boxes });
  deepEqual([picture.width, picture.height, picture.area, picture.boxes], [width, height, area, boxes]);
  const read = (url: string) => decodeImage(Uint8Array.fromBase64(url.split(",")[1]));
  const small = await read(picture.image),
    grey = await read(picture.map!.src),
    truth = await read(picture.mask!);
  for (const { width, height } of [small, grey, truth]) deepEqual([width, height], [256, 128]);
  ok(small.data.every((byte) => Math.abs(byte - 90) <= 1));
  deepEqual([picture.map!.low, picture.map!.high], [-2, 6]);
  const at = 3 * (Math.floor(321 * 128 / height) * 256 + Math.floor(777 * 256 / width));
  for (const { data } of [grey, truth]) {
    equal(data[at], 255);
    equal(data.reduce((sum, byte) => sum + byte, 0), 3 * 255);
  }
  const plain = await embed({
    image,
    map: null,
    area,
    mask: { ...mask, data: new Uint8Array(width * height) },
    boxes: [],
  });
  deepEqual([plain.map, plain.mask], [null, null]);
});

Deno.test("a picture takes some kilobytes", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(3 * 128 * 128)); // nothing is harder to shrink
  const image = { width: 128, height: 128, data: noise };
  const map = {
    width: 128,
    height: 128,
    data: Float32Array.from({ length: 128 * 128 }, () => Math.random()),
  };
  const area = { x: 0, y: 0, width: 128, height: 128 };
  const worst = JSON.stringify(await embed({ image, map, area, mask: null, boxes: [] })).length;
  ok(worst < 75_000, `${worst} characters`);
  ok(page.length < 200_000, `${page.length} characters`);
  ok(EVIL.length > 0);
});
