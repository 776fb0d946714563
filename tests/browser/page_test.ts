/**
 * The inspection page in a browser, under the policy that it is served with: scoring by itself as the command line does, and by
 * a server that is busy, asks for a token and fails; with the mouse, with keys alone, and with a camera.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { Browser, Download, Page } from "npm:playwright-core@^1.65.1";
import { encodePng, Gpu, train } from "../../mod.ts";
import { drawSample } from "../../src/data/procedural/sample.ts";
import { csvRows } from "../../src/report/csv.ts";
import { pageFiles } from "../../src/serve/page.ts";
import { adtr } from "../commands/adtr.ts";
import { inFolder } from "../folder.ts";
import { openBrowser, serve, violations } from "./site.ts";

const POLICY =
  "default-src 'self'; img-src 'self' blob: data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const SIZES = { backbone: "gabor", image_size: 32, feature_size: 4, threshold: 2, pixel_threshold: 1.5 };

const photo = (seed: number, defect?: string) =>
  drawSample({ category: "grid", size: 48, seed, defect }).image;

/** A page, whose errors fail the test. @param path of the page from the server's */
async function open(
  browser: Browser,
  { addr }: Deno.HttpServer<Deno.NetAddr>,
  path = "",
  size = { width: 1400, height: 900 },
) {
  const page = await browser.newPage({ viewport: size, acceptDownloads: true }), errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) errors.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${addr.port}/${path}`);
  return { page, errors };
}

/** Waits until an element says so. */
const says = (page: Page, selector: string, text: string | RegExp): Promise<void> =>
  page.locator(selector).filter({ hasText: text }).first().waitFor();

/** What a download holds. */
async function textOf(download: Download): Promise<string> {
  return await Deno.readTextFile(await download.path());
}

/** What is saved when `act` is done. */
async function saved(page: Page, act: () => Promise<void>): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return download;
}

/** Drops files and folders as the system does. */
async function drop(page: Page, files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }
}

Deno.test("the page by itself scores as the command line does, and shows at once what a threshold makes of it", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "photos", "deep"), { recursive: true });
    const names = ["photos/bent.png", "photos/deep/good.png", "photos/glue.png", "photos/good.png"];
    for (const [i, defect] of ["bent", undefined, "glue", undefined].entries()) {
      await Deno.writeFile(join(folder, names[i]), encodePng(photo(i + 10, defect)));
    }
    await Deno.writeTextFile(join(folder, "photos", "notes.txt"), "not an image");
    await Deno.writeTextFile(join(folder, "broken.png"), "not an image either");
    {
      using gpu = await Gpu.open();
      using model = await train(gpu, {
        data: [0, 1, 2, 3].map((seed) => photo(seed)),
        method: "padim",
        settings: SIZES,
      });
      await Deno.writeFile(join(folder, "nut.safetensors"), await model.toBytes());
    }
    const exported = await adtr(folder, "export", "web", "--model", "nut.safetensors", "--out", "the site");
    equal(exported.code, 0, exported.stderr);
    match(exported.stdout, /^Page: the site\/index\.html\n[^\n]+\n {2}python3 .* --directory 'the site'\n$/);
    const scored = await adtr(folder, "score", "--model", "nut.safetensors", "--out", "result", ...names);
    equal(scored.code, 0, scored.stderr);
    const [, ...rows] = csvRows(await Deno.readTextFile(join(folder, "result", "scores.csv")));
    const again = await adtr(folder, "export", "web", "--model", "nut.safetensors", "--out", "the site");
    match(again.stderr, /^error: Expected --out to be a new or empty folder, but found \S+ in the site\n$/);

    await using server = serve(join(folder, "the site"), { "content-security-policy": POLICY });
    const browser = await openBrowser();
    try {
      const { page, errors } = await open(browser, server);
      await says(page, "#where", "scored in this browser");
      await drop(page, [join(folder, "photos"), join(folder, "broken.png")]);
      await says(page, "#progress", "of 5");
      await says(page, "#counts", /^\d+ pass · \d+ fail · 1 with an error$/);
      await says(page, "#trouble", "5 images added; 1 file that is no image was left out.");
      await page.selectOption("#filter", "error");
      await says(page, ".row .detail", "Expected the image to be a PNG");
      await page.click(".row");
      await says(page, "#verdict-error", "Expected the image to be a PNG");
      await page.selectOption("#filter", "all");

      const { images } = JSON.parse(await textOf(await saved(page, () => page.click("#save-json"))));
      equal(images.length, 5);
      for (const [name, score] of rows) {
        const found = images.find(({ image }: { image: string }) => image === name)?.score;
        ok(
          Math.abs(found - Number(score)) <= 1e-4 * Number(score),
          `${name}: expected ${score}, but found ${found}`,
        );
      }

      const scores = rows.map(([, score]) => Number(score)).sort((a, b) => a - b);
      await page.fill("#threshold-number", String((scores[1] + scores[2]) / 2));
      await page.press("#threshold-number", "Enter");
      await says(page, "#counts", "2 pass · 2 fail · 1 with an error");
      await page.press("#threshold", "End"); // the slider, by its own keys
      await says(page, "#counts", "4 pass · 0 fail · 1 with an error");
      await page.click("#threshold-reset");
      await says(page, "#threshold-from", "The model’s: 2, given by hand.");

      await page.selectOption("#sort", "highest");
      await says(page, ".row >> nth=0", /score/);
      await page.press("#list", "Home");
      await says(page, "#verdict-facts", /^Score/);
      const view = await Deno.readFile(await (await saved(page, () => page.click("#save-view"))).path());
      equal(new DataView(view.buffer).getUint32(16), 48); // a PNG's width: the image's own
      const drawn = () => page.evaluate<string>('document.querySelector("#canvas").toDataURL()'),
        before = await drawn();
      await page.press("#list", "m");
      for (let i = 0; i < 50 && await drawn() === before; i++) await page.waitForTimeout(20);
      ok(await drawn() !== before, "the map is still over the image");
      deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  }));

/** A server as the page sees one, which finds half of each image's first byte. */
function fakeServer(answers: Response[], asked: Request[]): Deno.HttpServer<Deno.NetAddr> {
  const decision = {
    image: { value: 40, from: "given", images: 0 },
    pixel: { value: 0.5, from: "given", images: 0 },
    spread: 10,
  };
  const model = { method: "knn", category: null, image_size: 32, maps: true };
  const models = [{ name: "nut", ...model, decision }, {
    name: "bolt",
    ...model,
    decision: { image: null, pixel: null, spread: null },
  }];
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url),
      file = (await pageFiles()).get(pathname.slice(1) || "index.html");
    if (file) {
      return new Response(file.bytes, {
        headers: { "content-type": file.type, "content-security-policy": POLICY },
      });
    }
    if (request.headers.get("authorization") !== "Bearer secret") {
      return Response.json({ error: "no" }, { status: 401 });
    }
    if (pathname === "/v1/models") return Response.json({ models });
    asked.push(request);
    const score = (await request.bytes())[0] / 2, answer = answers.shift();
    if (answer) return answer;
    const map = { width: 2, height: 2, data: new Uint8Array(Float32Array.of(0, 1, 0, 0).buffer).toBase64() };
    const area = { x: 0, y: 0, width: 48, height: 48 };
    return Response.json({
      model: "nut",
      results: [{ name: "image", score, normalised: null, label: null, ...area, area, regions: [], map }],
    });
  });
}

const refused = (status: number, error: string): Response =>
  Response.json({ error }, { status, headers: { "retry-after": "0.01" } });

Deno.test("the page asks a server: it waits while that is busy, gives the token, and says what fails", () =>
  inFolder(async (folder) => {
    const png = encodePng(photo(1)), path = (name: string) => join(folder, name);
    await Deno.writeFile(path("a.png"), png); // begins with 0x89: 68.5
    await Deno.writeFile(path("b.png"), png);
    await Deno.writeFile(path("c.tif"), Uint8Array.of(73, 73)); // 36.5, nothing that the browser can show
    const answers: Response[] = [], asked: Request[] = [];
    await using server = fakeServer(answers, asked);
    const browser = await openBrowser();
    try {
      const { page, errors } = await open(browser, server);
      await page.fill("#token-text", "wrong");
      await page.keyboard.press("Enter");
      await says(page, "#token-why", "The token it was given is not the right one.");
      await page.fill("#token-text", "secret");
      await page.click("#token .main");
      await says(page, "#where", "scored by the server at 127.0.0.1");

      answers.push(refused(429, "busy"), refused(429, "busy"), refused(503, "the GPU was lost"));
      await page.setInputFiles("#files", [path("a.png"), path("c.tif")]);
      await says(page, "#counts", "1 pass · 1 fail");
      equal(asked.length, 5);
      match(asked[0].url, /\/v1\/score\?model=nut&map=float32$/);
      await says(page, "#verdict-label", "✕ anomalous");
      await says(page, "#verdict-facts", "1 region, 25.0 % of the image");
      await says(page, "#verdict-facts", "0.945"); // 1 / (1 + exp((40 − 68.5) / 10))
      await page.keyboard.press("k"); // newest first
      await says(page, "#verdict-facts", "of a kind that this browser can’t show");

      answers.push(...Array.from({ length: 4 }, () => refused(503, "the GPU was lost")));
      await page.setInputFiles("#files", path("b.png"));
      await says(page, "#verdict-error", "The server can’t score at the moment: the GPU was lost");
      await page.click("#again");
      await says(page, "#verdict-label", "✕ anomalous");
      answers.push(refused(422, "Expected image to be whole, but found it cut off"));
      await page.press("#list", "r");
      await says(page, "#verdict-error", "Expected image to be whole, but found it cut off");

      await page.selectOption("#model", "bolt");
      await says(page, "#counts", "Nothing scored yet");
      await page.click("#again");
      await says(page, "#counts", "1 scored, no threshold");
      await says(page, "#threshold-from", "The model has none: move the slider to set one.");
      await page.press("#threshold", "Home");
      await says(page, "#counts", "0 pass · 1 fail");
      deepEqual(errors, []);

      const other = await open(browser, server, "#token=secret");
      await says(other.page, "#where", "scored by the server");
      equal(new URL(other.page.url()).hash, ""); // not to be seen by who looks over the shoulder
      deepEqual(other.errors, []);
    } finally {
      await browser.close();
    }
  }));

Deno.test("keys alone do it all; a camera's picture is scored; the page is accessible, also on a phone and in the dark", () =>
  inFolder(async (folder) => {
    const paths = [0, 1, 2].map((i) => join(folder, `${i}.png`));
    for (const [i, path] of paths.entries()) await Deno.writeFile(path, encodePng(photo(i)));
    await using server = fakeServer([], []);
    const browser = await openBrowser(CAMERA);
    try {
      const { page, errors } = await open(browser, server, "#token=secret");
      await says(page, "#where", "scored by the server");
      page.once("filechooser", (chooser) => chooser.setFiles(paths));
      const focused = () => page.evaluate<string>("document.activeElement.id");
      await page.keyboard.press("Tab"); // over the way to the list
      for (let i = 0; i < 20 && await focused() !== "open-files"; i++) await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await says(page, "#counts", "0 pass · 3 fail");
      await says(page, "#said", "3 images done. 0 pass · 3 fail");
      await says(page, "#verdict-name", "0.png");
      await page.keyboard.press("k"); // newest first: upwards
      await says(page, "#verdict-name", "1.png");
      await page.keyboard.press("t");
      await page.keyboard.press("End");
      await says(page, "#counts", "3 pass · 0 fail");
      await page.keyboard.press("/");
      await page.keyboard.type("2.p"); // letters, and no commands
      await says(page, "#history-title", "Session (1 of 3)");
      for (let i = 0; i < 5 && await focused() !== "list"; i++) await page.keyboard.press("Tab");
      await page.keyboard.press("ArrowDown");
      await says(page, "#verdict-name", "2.png");
      const active = await page.getAttribute("#list", "aria-activedescendant");
      equal(await page.getAttribute(`#${active}`, "aria-selected"), "true");
      const download = await saved(page, () => page.keyboard.press("e"));
      match(download.suggestedFilename(), /^inspection-\d{4}-\d\d-\d\d-\d{6}\.csv$/);
      match(await textOf(download), /^image,score,.*\n0\.png,68\.5,/);
      await page.keyboard.press("?");
      await page.locator("#help").waitFor();
      deepEqual(await violations(page), []);
      await page.keyboard.press("Escape");

      await page.fill("#search", "");
      await page.press("#list", "c");
      await page.locator("#camera-take:enabled").waitFor();
      equal(await focused(), "camera-take");
      await page.keyboard.press("Space");
      await says(page, "#camera-last", /^camera-.*-1\.png taken$/);
      await page.keyboard.press("Escape");
      await says(page, "#verdict-name", /^camera-/);
      await says(page, "#verdict-facts", /Size48 × 48 pixels/);
      deepEqual(errors, []);

      for (const [width, height] of [[1400, 900], [1000, 700], [320, 640]]) {
        for (const colorScheme of ["light", "dark"] as const) {
          await page.setViewportSize({ width, height });
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" }); // no colours on their way
          deepEqual(await violations(page), [], `${width} ${colorScheme}`);
          equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, `${width}`);
        }
      }
    } finally {
      await browser.close();
    }
  }));

Deno.test("without WebGPU, and without its files, the page says so", () =>
  inFolder(async (folder) => {
    const files = await pageFiles({
      where: "browser",
      name: "nut",
      model: "model.safetensors",
      weights: null,
    });
    for (const [path, { bytes }] of files) await Deno.writeFile(join(folder, path), bytes);
    await Deno.writeTextFile(join(folder, "adtr.js"), "export {};\n");
    await using server = serve(folder);
    const browser = await openBrowser(["--disable-features=WebGPU,WebGPUService"]);
    try {
      const { page, errors } = await open(browser, server);
      await says(page, "#trouble", "This browser has no WebGPU");
      await Deno.remove(join(folder, "scoring.json"));
      await page.reload();
      await says(page, "#trouble", "Expected scoring.json beside this page, but found none");
      deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  }));
