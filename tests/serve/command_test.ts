/**
 * `adtr serve` as it is run, with a real model on a real device: the same scores as `score`, a device that is lost, a file that
 * changes, and an orderly end.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { openModel } from "../../src/host/open_model.ts";
import type { Value } from "../../src/methods/settings.ts";
import type { Device } from "../../src/serve/models.ts";
import { fileBackend } from "../../src/serve/server.ts";
import { learn } from "../../src/train/learn.ts";
import { adtr, CLI, environment } from "../commands/adtr.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { tinyCategory, tinySettings, tinySource } from "../train/tiny.ts";
import { image, until, withServer } from "./fake.ts";

/** Writes RUN/model.safetensors, of a model that learned from a tiny category. */
async function tinyModel(folder: string): Promise<{ path: string; images: string[] }> {
  const category = await tinyCategory(folder),
    settings = tinySettings<Record<string, Value>>({ method: "padim" });
  using model = (await learn({ source: tinySource(gpu), category, settings }))!;
  const path = join(folder, "run", "model.safetensors");
  await Deno.mkdir(join(folder, "run"));
  model.decision = {
    image: { value: 3, from: "given", images: 0 },
    pixel: { value: 3, from: "given", images: 0 },
    spread: 1,
  };
  await Deno.writeFile(path, await model.toBytes());
  return { path, images: category.test.map(({ path }) => path) };
}

/** The result of an image that a server is sent. */
async function scoreBy(
  url: string,
  path: string,
): Promise<{ score: number; label: string; regions: unknown[] }> {
  const response = await fetch(`${url}/v1/score`, image(await Deno.readFile(path))),
    body = await response.json();
  equal(response.status, 200, JSON.stringify(body));
  return body.results[0];
}

Deno.test("the command serves until SIGTERM, and answers what it has taken", () =>
  inFolder(async (folder) => {
    const { path, images } = await tinyModel(folder);
    await Deno.writeTextFile(join(folder, "token"), "secret\n");
    const args = ["serve", "--model", path, "--port", "0", "--token-file", join(folder, "token")];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", CLI, ...args],
      cwd: folder,
      env: environment(folder),
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text(),
      said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let line = "";
    while (!line.includes("\n")) {
      const { value, done } = await said.read();
      if (done) throw new Error(await stderr);
      line += value;
    }
    const [, url] = line.match(/^Serving run at (http:\/\/127\.0\.0\.1:\d+)\/\n$/)!;
    const headers = { authorization: "Bearer secret" };
    const ask = async (path: string, body: BodyInit) =>
      await fetch(url + path, { method: "POST", body, headers });
    const scores: number[] = [];
    for (const path of images) {
      const response = await ask("/v1/score", await Deno.readFile(path));
      scores.push((await response.json()).results[0].score);
    }
    // One is still being sent when the signal comes.
    const file = await Deno.readFile(images[0]), go = Promise.withResolvers<void>();
    async function* slowly() {
      yield file.subarray(0, 100);
      await go.promise;
      yield file.subarray(100);
    }
    const last = ask("/v1/score", ReadableStream.from(slowly()));
    const health = async () => (await (await fetch(`${url}/healthz`)).json()).status;
    for (let times = 0; times < 3; times++) equal(await health(), "ok");
    child.kill("SIGTERM");
    await until(async () => await health() === "stopping");
    go.resolve();
    const late = await (await last).json();
    equal(late.results?.[0].score, scores[0], JSON.stringify(late));
    const [{ code }, text] = [await child.status, await stderr];
    await said.cancel();
    equal(code, 0, text);
    match(text, /POST \/v1\/score 200/);
    ok(!text.includes("secret"), text);
    ok(!text.includes("legacy"), text);

    const scored = await adtr(
      folder,
      "score",
      "--model",
      path,
      "--out",
      join(folder, "out"),
      "--json",
      ...images,
    );
    equal(scored.code, 0, scored.stderr);
    const wanted = (JSON.parse(scored.stdout) as { score: number }[]).map(({ score }) => score);
    deepEqual(scores, wanted);
  }));

Deno.test("what can't be served is refused in a line", () =>
  inFolder(async (folder) => {
    const none = join(folder, "none.safetensors");
    for (
      const [code, error, ...args] of [
        [2, /--model/],
        [1, /^error: Can't read .*none\.safetensors/, "--model", none],
        [
          2,
          /^error: Expected --token or --token-file, but found both/,
          "--model",
          none,
          "--token",
          "a",
          "--token-file",
          "b",
        ],
        [2, /^error: Expected a token of letters/, "--model", none, "--token", "a b"],
        [1, /^error: Can't read .*none\.txt/, "--model", none, "--token-file", join(folder, "none.txt")],
        [2, /^error: Expected --port to be .*65536/, "--model", none, "--port", "65536"],
        [2, /^error: Expected --batch to be/, "--model", none, "--batch", "0"],
        [2, /^error: Expected --allow-host to be a name/, "--model", none, "--allow-host", "http://a"],
      ] as [number, RegExp, ...string[]][]
    ) {
      const ended = await adtr(folder, "serve", ...args);
      equal(ended.code, code, ended.stderr);
      match(ended.stderr.replaceAll(/^error: XDG.*\n/gm, ""), error);
    }
  }));

Deno.test("a device that is lost is replaced, and scores are the same again", () =>
  inFolder(async (folder) => {
    const { path, images } = await tinyModel(folder),
      { requestDevice } = GPUAdapter.prototype,
      devices: GPUDevice[] = [];
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      devices.push(device);
      return device;
    };
    try {
      const options = { models: [path], backend: fileBackend(), interval: 20 };
      await withServer(async ({ url, ask, lines }) => {
        const wanted = await scoreBy(url, images[0]);
        devices.at(-1)!.destroy();
        const statuses = await Promise.all(images.map(async (path) => {
          const response = await ask("/v1/score", image(await Deno.readFile(path)));
          await response.body!.cancel();
          return response.status;
        }));
        ok(statuses.includes(503), `${statuses}`);
        ok(statuses.every((status) => status === 503 || status === 200), `${statuses}`);
        await until(() => lines.some((line) => line.includes("The GPU is in use again")));
        deepEqual(await scoreBy(url, images[0]), wanted);
        equal(devices.length, 2);
      }, options);
    } finally {
      GPUAdapter.prototype.requestDevice = requestDevice;
    }
  }));

Deno.test("a threshold that is changed in the file holds a moment later, without an image refused", () =>
  inFolder(async (folder) => {
    const { path, images } = await tinyModel(folder), backend = fileBackend(), opened: Device[] = [];
    const watched = {
      ...backend,
      openDevice: async () => {
        const device = await backend.openDevice();
        opened.push(device);
        return device;
      },
    };
    await withServer(async ({ url, lines }) => {
      const before = await scoreBy(url, images[0]),
        device = opened[0] as Gpu,
        { inUse } = device.memory.stats();
      using model = await openModel(gpu, path);
      const threshold = (value: number) => ({ value, from: "given", images: 0 }) as const;
      for (const [times, value] of [-1, 1e6, -1].entries()) {
        model.decision = { ...model.decision, image: threshold(value), pixel: threshold(value) };
        await Deno.writeFile(`${path}.new`, await model.toBytes());
        await Deno.rename(`${path}.new`, path);
        const isNew = () => lines.filter((line) => line.includes("opened anew")).length > times;
        while (!isNew()) equal((await scoreBy(url, images[0])).score, before.score);
        const { score, label, regions } = await scoreBy(url, images[0]);
        deepEqual([score, label, regions.length], [
          before.score,
          value < 0 ? "anomalous" : "normal",
          value < 0 ? 1 : 0,
        ]);
      }
      await until(() => device.memory.stats().inUse === inUse); // nothing of the old ones is left
    }, { models: [path], backend: watched, interval: 20 });
  }));
