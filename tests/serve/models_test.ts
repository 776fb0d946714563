/**
 * Models that are served: opened anew when their files change, and when the GPU fails.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { GpuError, KernelError } from "../../src/gpu/error.ts";
import { namesOf } from "../../src/serve/models.ts";
import { type Asked, FakeBackend, image, png, THRESHOLD, until, withServer } from "./fake.ts";

const PATH = "thing.safetensors";

/** An image's label, or the status it is refused with. */
async function label({ ask }: Asked, value: number): Promise<string | number> {
  const response = await ask("/v1/score", image(png(value))), body = await response.json();
  return response.ok ? body.results[0].label : response.status;
}

Deno.test("models are named by their run's folder or their file, each by another name", () => {
  deepEqual(
    namesOf(["runs/a/model.safetensors", "b.safetensors", "x/a.st", "runs/a/model.safetensors", "c"]),
    [
      "a",
      "b",
      "a-2",
      "a-3",
      "c",
    ],
  );
});

Deno.test("a model is opened anew when its file changes; the old one is used until then, and not longer", () =>
  withServer(async (asked) => {
    const { backend, lines } = asked, hold = Promise.withResolvers<void>();
    equal(await label(asked, 50), "normal");
    backend.hold = hold.promise;
    const before = label(asked, 50);
    await until(() => backend.batches.length === 2);
    backend.hold = Promise.resolve();
    backend.write(PATH, 20);
    await until(() => lines.some((line) => line.includes("opened anew")));
    equal(await label(asked, 50), "anomalous");
    equal(backend.disposed, 0); // it has an image yet
    hold.resolve();
    equal(await before, "normal");
    await until(() => backend.disposed === 1);
    match(
      await (await asked.ask("/metrics")).text(),
      /adtr_model_reloads_total{model="thing",outcome="opened"} 1/,
    );
  }));

Deno.test("an old model that can't be given back is told of; stopping waits for one that has an image yet", async () => {
  const backend = new FakeBackend(PATH), hold = Promise.withResolvers<void>();
  const openModel = backend.openModel.bind(backend);
  let isBroken = true;
  backend.openModel = async (device, path) => {
    const model = await openModel(device, path), dispose = model[Symbol.dispose];
    return {
      ...model,
      [Symbol.dispose]() {
        ok(!backend.devices[0].closed);
        if (isBroken) throw new Error("no way");
        dispose();
      },
    };
  };
  await withServer(
    async (asked) => {
      const { lines } = asked, opened = () => lines.filter((line) => line.includes("opened anew")).length;
      backend.write(PATH, 20);
      await until(() => lines.includes("thing: the model opened before can't be given back: no way"));
      isBroken = false;
      backend.hold = hold.promise;
      const waiting = label(asked, 50);
      await until(() => backend.batches.length === 1);
      backend.write(PATH, 60);
      await until(() => opened() === 2);
      const stopped = asked.server.stop();
      equal(backend.disposed, 0);
      hold.resolve();
      equal(await waiting, "anomalous");
      await stopped;
      equal(backend.disposed, 2);
    },
    {},
    backend,
  );
});

Deno.test("a file that is no model, or gone, is told once, and the old model stays", () =>
  withServer(async (asked) => {
    const { backend, lines } = asked,
      told = () => lines.filter((line) => line.includes("has changed, but")).length;
    backend.write(PATH, null);
    await until(() => told() > 0);
    equal(await label(asked, 50), "normal");
    backend.files.delete(PATH);
    await until(() => told() > 1);
    await new Promise((resolve) => setTimeout(resolve, 50)); // some looks later
    equal(told(), 2);
    equal(await label(asked, 50), "normal");
    backend.write(PATH, 20);
    await until(() => lines.some((line) => line.includes("opened anew")));
    equal(await label(asked, 50), "anomalous");
  }));

Deno.test("a file that is being written is left alone until it is done", () =>
  withServer(async (asked) => {
    const { backend, lines } = asked, stamp = backend.stamp.bind(backend);
    let writing = 0;
    backend.stamp = async (path) => `${await stamp(path)}, ${writing < 10 ? writing++ : writing}`;
    backend.files.set(PATH, null); // half of it
    await until(() => writing === 9);
    backend.files.set(PATH, 20);
    await until(() => lines.some((line) => line.includes("opened anew")));
    deepEqual(lines.filter((line) => line.includes("has changed, but")), []);
    equal(await label(asked, 50), "anomalous");
  }));

for (
  const [what, error] of [
    ["a lost device", new GpuError("lost", "The GPU device was lost")],
    ["a device that refuses a command", new KernelError("The GPU refused a command")],
  ] as const
) {
  Deno.test(`${what} is answered 503, and another is opened`, () =>
    withServer(async (asked) => {
      const { backend, lines } = asked;
      backend.noDevice = true;
      backend.devices[0].lost = true;
      backend.devices[0].check = () => {
        throw error;
      };
      equal(await label(asked, 50), 503);
      const response = await asked.ask("/v1/score", image(png(50))), { error: said } = await response.json();
      equal(said, "Expected a working GPU, but the GPU failed and is being opened again");
      ok(Number(response.headers.get("retry-after")) > 0);
      const health = await asked.ask("/healthz");
      equal(health.status, 503);
      deepEqual(await health.json(), { status: "the GPU failed and is being opened again" });
      await until(() => lines.some((line) => line.includes("No GPU adapter found")));
      ok(backend.devices[0].closed);
      backend.noDevice = false;
      await until(async () => await label(asked, 50) === "normal");
      equal(backend.devices.length, 2);
      ok(!backend.devices[1].closed);
      deepEqual(await (await asked.ask("/healthz")).json(), { status: "ok" });
      match(await (await asked.ask("/metrics")).text(), /adtr_gpu_failures_total 1/);
    }));
}

Deno.test("a device that is lost while nobody asks is noticed", () =>
  withServer(async (asked) => {
    asked.backend.devices[0].lost = true;
    await until(() => asked.lines.some((line) => line.includes("The GPU is in use again")));
    equal(await label(asked, 50), "normal");
    equal(asked.backend.devices.length, 2);
  }));

Deno.test("memory that has run out once is answered 503, and the device stays", () =>
  withServer(async (asked) => {
    asked.backend.next = new GpuError("out-of-memory", "The GPU is out of memory");
    const response = await asked.ask("/v1/score", image(png(50)));
    equal(response.status, 503);
    equal((await response.json()).error, "Expected a working GPU, but the GPU has no memory left");
    equal(await label(asked, 50), "normal");
    equal(asked.backend.devices.length, 1);
  }));

Deno.test("all models come back with the new device, and what waited is refused", () => {
  const models = [PATH, "other.safetensors"], backend = new FakeBackend(...models);
  return withServer(
    async (asked) => {
      const hold = Promise.withResolvers<void>();
      backend.hold = hold.promise;
      const waiting = Array.from({ length: 6 }, () => label(asked, 50));
      await until(() => backend.batches.length === 1);
      backend.devices[0].lost = true;
      hold.resolve();
      deepEqual(new Set(await Promise.all(waiting)), new Set([503]));
      await until(async () => await label(asked, THRESHOLD + 1) === "anomalous");
      const other = await asked.ask("/v1/score?model=other", image(png(50)));
      equal((await other.json()).results[0].label, "normal");
    },
    { models },
    backend,
  );
});
