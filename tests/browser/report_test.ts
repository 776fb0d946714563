/**
 * A report in a browser, from its file: the threshold moves everything that hangs on it, images are filtered, sorted and looked at,
 * by pointer and by keys; nothing is asked of anybody, and nothing in a name does harm.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "npm:playwright-core@^1.65.1";
import type {} from "../../src/report/client/main.js"; // its types are checked with this file's
import { reportPage } from "../../src/report/page.ts";
import { inFolder } from "../folder.ts";
import { smallReport } from "../report/input.ts";
import { openBrowser, violations } from "./site.ts";

/** A page with a small report, and what went wrong in it. */
async function open(
  browser: Browser,
  file: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; troubles: string[] }> {
  const page = await (await browser.newContext(options)).newPage(), troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => troubles.push(message.text()));
  page.on("request", (request) => {
    if (!/^data:/.test(request.url()) && request.url() !== file) troubles.push(request.url());
  });
  await page.goto(file);
  page.setDefaultTimeout(10_000);
  await page.waitForFunction("document.querySelectorAll('#gallery figure').length > 0");
  return { page, troubles };
}

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const counts = async (page: Page) => (await texts(page, "[data-count]")).map(Number); // tn, fp, fn, tp
const scores = async (page: Page) => (await texts(page, "#gallery .score")).map(Number);
/** The bytes of what is drawn on a canvas, as one text. */
const drawn = (page: Page, selector: string) =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).toDataURL()`);

Deno.test("a report in a browser", async (test) => {
  const report = await smallReport();
  await inFolder(async (folder) => {
    const path = join(folder, "a #1 report.html"), file = pathToFileURL(path).href;
    await Deno.writeTextFile(path, await reportPage(report));
    const browser = await openBrowser();
    try {
      const { page, troubles } = await open(browser, file);

      await test.step("begins with the model's threshold, and mistakes first", async () => {
        deepEqual(await counts(page), [3, 1, 2, 2]);
        deepEqual(await scores(page), [4, 5, 6, 7, 8, 3, 2, 1]);
        match(await page.textContent("#folder") ?? "", /Paths are below data\//);
        equal(await page.locator("[data-curve] canvas").count(), 3);
        equal(await page.locator("#loss-chart canvas").count(), 1);
      });

      await test.step("a threshold by number, key, preset and in the histogram", async () => {
        const before = await drawn(page, "[data-curve=image_roc] canvas");
        await page.fill("#threshold-number", "3.5");
        deepEqual(await counts(page), [3, 1, 0, 4]);
        deepEqual(await texts(page, "[data-rate]"), ["0.800", "1.000", "0.889", "0.250"]);
        deepEqual(await texts(page, "[data-found]"), ["2", "2"]);
        deepEqual(await texts(page, "[data-missed]"), ["0", "0"]);
        deepEqual(await scores(page), [6, 4, 3, 5, 2, 1, 7, 8]);
        match(await page.textContent("#threshold-command") ?? "", / 3\.5$/);
        ok(before !== await drawn(page, "[data-curve=image_roc] canvas"), "the dot moves");
        await page.focus("#threshold-range");
        await page.keyboard.press("End");
        deepEqual(await counts(page), [4, 0, 4, 0]); // nothing is above the highest score
        await page.click("text=no false alarm");
        deepEqual(await counts(page), [4, 0, 2, 2]);
        await page.click("text=nothing missed");
        deepEqual((await counts(page)).slice(2), [0, 4]);
        match(await page.textContent("#threshold-command") ?? "", / 3\.5$/); // between two scores
        const box = (await page.locator("#histogram .u-over").boundingBox())!;
        await page.mouse.move(box.x + 0.99 * box.width, box.y + 20);
        await page.mouse.down();
        await page.mouse.move(box.x + 0.02 * box.width, box.y + 20);
        await page.mouse.up();
        deepEqual((await counts(page)).slice(2), [0, 4]);
        await page.click("text=the model’s");
        deepEqual(await counts(page), [3, 1, 2, 2]);
      });

      await test.step("filters and order", async () => {
        await page.selectOption("#verdict", "wrong");
        deepEqual(await scores(page), [4, 5, 6]);
        await page.selectOption("#order", "high");
        deepEqual(await scores(page), [6, 5, 4]);
        match(await page.textContent("#count") ?? "", /^3 of 8 images: 2 missed, 1 false alarm, 0 found/);
        await page.fill("#find", "CRACK");
        deepEqual(await scores(page), [4]);
        await page.fill("#find", "");
        await page.selectOption("#verdict", "");
        await page.selectOption("#kind", { index: 2 }); // the one with the dangerous name
        deepEqual(await scores(page), [8, 5]);
        await page.selectOption("#kind", "");
        await page.selectOption("#label", "0");
        deepEqual(await scores(page), [6, 3, 2, 1]);
        await page.selectOption("#label", "");
      });

      await test.step("what is shown of images", async () => {
        await page.selectOption("#order", "low"); // the first one is normal and has no outline
        await page.selectOption("#label", "1");
        const looks = new Set([await drawn(page, "#gallery canvas")]);
        for (const how of ["#show-mask", "input[value=map]", "input[value=image]"]) {
          await page.click(how);
          await page.waitForTimeout(50);
          looks.add(await drawn(page, "#gallery canvas"));
        }
        equal(looks.size, 4);
        await page.click("input[value=overlay]");
        await page.click("#show-mask");
        await page.selectOption("#order", "high");
        const boxed = await drawn(page, "#gallery canvas");
        await page.click("#show-boxes");
        await page.waitForTimeout(50);
        ok(boxed !== await drawn(page, "#gallery canvas"), "boxes go");
      });

      await test.step("an image, large, by keys alone", async () => {
        await page.focus("#gallery button");
        await page.keyboard.press("Enter");
        await page.waitForFunction("document.querySelector('#stage').width > 300");
        const title = await page.textContent("#viewer-title"), whole = await drawn(page, "#stage");
        match(
          await page.textContent("#viewer-text") ?? "",
          /^found: .*score 8 \(normalised 0\.800\), threshold 5\.5/,
        );
        await page.keyboard.press("+");
        ok(whole !== await drawn(page, "#stage"), "larger");
        await page.keyboard.press("0");
        equal(await drawn(page, "#stage"), whole);
        await page.keyboard.press("m");
        await page.waitForTimeout(50);
        ok(whole !== await drawn(page, "#stage"), "the map");
        await page.keyboard.press("ArrowRight");
        match(await page.textContent("#viewer-title") ?? "", /^data\/crack\/7\.png$/);
        await page.keyboard.press("ArrowLeft");
        equal(await page.textContent("#viewer-title"), title);
        await page.mouse.move(600, 400);
        const before = await drawn(page, "#stage");
        await page.mouse.wheel(0, -300);
        await page.waitForTimeout(50);
        ok(before !== await drawn(page, "#stage"), "the wheel zooms");
        await page.keyboard.press("Escape");
        equal(await page.locator("dialog[open]").count(), 0);
        await page.locator("#tools #shown").waitFor({ state: "attached" }); // controls are back
      });

      await test.step("for all readers, light and dark", async () => {
        for (const colorScheme of ["light", "dark"] as const) {
          const { page } = await open(browser, file, { colorScheme, bypassCSP: true }); // axe is a script from outside
          deepEqual(await violations(page), []);
          await page.locator("#gallery button").first().click();
          deepEqual(await violations(page), []);
        }
      });

      await test.step("nothing went wrong or was asked for", () => deepEqual(troubles, []));

      await test.step("on paper: light, without controls", async () => {
        const dark = await open(browser, file, { colorScheme: "dark" });
        const background = () =>
          dark.page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
        const screen = await drawn(dark.page, "#histogram canvas");
        ok(await background() !== "rgb(255, 255, 255)");
        await dark.page.emulateMedia({ media: "print" });
        await dark.page.waitForTimeout(100);
        equal(await background(), "rgb(255, 255, 255)");
        ok(
          screen !== await drawn(dark.page, "#histogram canvas"),
          "charts are drawn in the colours of paper",
        );
        for (const control of ["#tools", "#threshold-bar", "#more", ".skip"]) {
          equal(await dark.page.locator(control).isVisible(), false, control);
        }
        ok(await dark.page.locator("#gallery figure").first().isVisible());
        ok((await dark.page.pdf({ format: "A4" })).length > 10_000);
        deepEqual(dark.troubles, []);
      });

      await test.step("on a phone nothing is wider than the screen", async () => {
        const phone = await open(browser, file, {
          viewport: { width: 390, height: 844 },
          isMobile: true,
          hasTouch: true,
        });
        equal(await phone.page.evaluate("document.documentElement.scrollWidth"), 390);
        await phone.page.locator("#gallery button").first().tap();
        ok(await phone.page.locator("#stage").isVisible());
        deepEqual(phone.troubles, []);
      });
    } finally {
      await browser.close();
    }
  });
});
