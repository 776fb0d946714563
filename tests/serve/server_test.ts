/**
 * The API over HTTP: what is answered, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import * as v from "npm:valibot@^1.5.0";
import { decodeImage } from "../../src/data/image.ts";
import { InputError } from "../../src/errors.ts";
import { ModelList, ScoreAnswer } from "../../src/serve/schemas.ts";
import { FakeBackend, image, png, SIDE, square, THRESHOLD, until, withServer } from "./fake.ts";

const area = { x: 0, y: 0, width: SIDE, height: SIDE };

/** An answer's body, its status looked at. */
async function answer(response: Response, status: number): Promise<unknown> {
  const body = await response.json();
  equal(response.status, status, JSON.stringify(body));
  return body;
}

/** What an answer says is wrong. */
async function refused(response: Response, status: number): Promise<string> {
  return (await answer(response, status) as { error: string }).error;
}

function parts(...images: [name: string, bytes: Uint8Array<ArrayBuffer> | string][]): RequestInit {
  const body = new FormData();
  for (const [name, bytes] of images) body.append("image", new File([bytes], name));
  return { method: "POST", body };
}

Deno.test("one image: label, score, regions, and the map where it is asked for", () =>
  withServer(async ({ ask }) => {
    const found = v.parse(ScoreAnswer, await answer(await ask("/v1/score", image(png(7))), 200));
    const normalised = 1 / (1 + Math.exp((THRESHOLD - 7) / 10)), size = { width: SIDE, height: SIDE };
    const normal = {
      name: "image",
      score: 7,
      normalised,
      label: "normal",
      ...size,
      area,
      regions: [],
      map: null,
    };
    deepEqual(found, { model: "thing", results: [normal] });

    const response = await ask("/v1/score?model=thing&map=float32", image(png(50, 200)));
    const { results: [result] } = v.parse(ScoreAnswer, await answer(response, 200));
    ok("score" in result);
    equal(result.label, "anomalous");
    deepEqual(result.regions, [{ x: 0, y: 0, width: 2, height: 2, area: 4, peak: 200 }]);
    const bytes = Uint8Array.fromBase64(result.map!.data);
    const wanted = square(50, 200).data.filter((_, i) => i % 3 === 0);
    deepEqual(new Float32Array(bytes.buffer), Float32Array.from(wanted));
  }));

Deno.test("several images: each has its row, also one that can't be read", () =>
  withServer(async ({ ask, backend }) => {
    const images = parts(["a.png", png(1)], ["../b.png", "no image"], ["c.png", png(3)], [
      "d.png",
      png(3, 3, 200, 200),
    ]);
    const body = v.parse(ScoreAnswer, await answer(await ask("/v1/score", images), 200));
    deepEqual(
      body.results.map((result) =>
        "error" in result
          ? [result.name, result.error.replace(/a PNG, .*image,/, "an image,")]
          : [result.name, result.score]
      ),
      [
        ["a.png", 1],
        ["../b.png", "Expected ../b.png to be an image, but found something else"],
        ["c.png", 3],
        ["d.png", "Expected d.png to have at most 10000 pixels, but found 200×200"],
      ],
    );
    equal(backend.batches.reduce((a, b) => a + b), 2);
  }));

Deno.test("maps are sent with at most 1024 values a side, regions are those of the whole map", () =>
  withServer(async ({ ask }) => {
    const response = await ask("/v1/score?map=float32", image(png(50, 200, 2050, 8)));
    const { results: [result] } = v.parse(ScoreAnswer, await answer(response, 200));
    ok("score" in result);
    deepEqual(result.regions, [{ x: 0, y: 0, width: 2, height: 2, area: 4, peak: 200 }]);
    const { width, height, data } = result.map!;
    deepEqual([width, height], [1024, 4]);
    const values = [...new Float32Array(Uint8Array.fromBase64(data).buffer)];
    deepEqual(values, [200, ...Array(4095).fill(50)]);
  }, { maxPixels: 20_000 }));

Deno.test("sixteen images are answered with their maps at once, more are refused before they are scored", () =>
  withServer(async ({ ask, backend }) => {
    const images = (count: number) =>
      parts(...Array.from({ length: count }, (_, i): [string, Uint8Array<ArrayBuffer>] => [`${i}`, png(i)]));
    const said = await refused(await ask("/v1/score?map=float32", images(17)), 400);
    equal(said, "Expected at most 16 images at once with map=float32, but found 17");
    deepEqual(backend.batches, []);
    const { results } = v.parse(
      ScoreAnswer,
      await answer(await ask("/v1/score?map=float32", images(16)), 200),
    );
    ok(results.length === 16 && results.every((result) => "score" in result && result.map?.width === SIDE));
    await answer(await ask("/v1/score", images(17)), 200);
  }, { queue: 20 }));

Deno.test("a heat map is a picture of three panels", () =>
  withServer(async ({ ask }) => {
    for (const query of ["", "?range=10,150", "?range=-1e1,1.5e2"]) {
      const response = await ask(`/v1/heatmap${query}`, image(png(50, 200)));
      equal(response.status, 200);
      equal(response.headers.get("content-type"), "image/png");
      const { width, height } = await decodeImage(await response.bytes());
      deepEqual([width, height], [3 * SIDE + 8, SIDE]);
    }
  }));

Deno.test("what the server says of itself", () =>
  withServer(async ({ ask, lines }) => {
    deepEqual(await answer(await ask("/healthz"), 200), { status: "ok" });
    const models = v.parse(ModelList, await answer(await ask("/v1/models"), 200)).models;
    deepEqual(models.map(({ name, method, category, maps }) => [name, method, category, maps]), [
      ["thing", "made-up", "thing", true],
      ["b", "made-up", "thing", true],
    ]);
    equal(models[0].decision.image!.value, THRESHOLD);
    const document = await answer(await ask("/openapi.json"), 200) as Record<string, Record<string, unknown>>;
    equal(document.info.version, "1.2.3");
    deepEqual(Object.keys(document.paths).sort(), [
      "/healthz",
      "/metrics",
      "/openapi.json",
      "/v1/heatmap",
      "/v1/models",
      "/v1/score",
    ]);
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) ok(name in (document.components.schemas as object), name);

    await answer(await ask("/v1/score?model=b", image(png(200))), 200);
    await refused(await ask("/v1/score", image("no image")), 422);
    await refused(await ask("/no%0Awhere%1b[1m"), 404);
    const response = await ask("/metrics"), text = await response.text();
    match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    for (
      const line of [
        'adtr_requests_total{route="/v1/score",status="200"} 1',
        'adtr_requests_total{route="/v1/score",status="422"} 1',
        'adtr_requests_total{route="page",status="404"} 1',
        'adtr_request_seconds_count{route="/v1/score"} 2',
        'adtr_request_seconds_bucket{route="/v1/score",le="+Inf"} 2',
        'adtr_images_total{model="b",label="anomalous"} 1',
        'adtr_image_errors_total{model="thing"} 1',
        'adtr_batch_images_bucket{model="b",le="1"} 1',
        'adtr_queue_images{model="thing"} 0',
      ]
    ) ok(text.split("\n").includes(line), `${line} in\n${text}`);
    ok(
      lines.some((line) => /^\S+Z 127\.0\.0\.1 POST \/v1\/score 200 \d+\.\d{3}s$/.test(line)),
      lines.join("\n"),
    );
  }, { models: ["thing.safetensors", "runs/b/model.safetensors"] }));

Deno.test("the inspection page is there, and scores by this server", () =>
  withServer(async ({ ask }) => {
    const response = await ask("/");
    equal(response.status, 200);
    equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    match(await response.text(), /^<!doctype html>/i);
    deepEqual(await answer(await ask("/scoring.json"), 200), { where: "server" });
  }));

Deno.test("requests that are none are refused in words", () =>
  withServer(async ({ ask, backend }) => {
    const body = image(png(7)), big = "x".repeat(2 ** 16 + 1);
    for (
      const [status, path, init, error] of [
        [400, "/v1/score?map=all", body, 'Expected map to be none or float32, but found "all"'],
        [400, "/v1/score?maps=none", body, 'Expected another query, but found "maps"'],
        [400, "/v1/models?x=1", {}, 'Expected another query, but found "x"'],
        [400, "/v1/heatmap?range=3", body, 'Expected range to be two numbers, LOW,HIGH, but found "3"'],
        [400, "/v1/heatmap?range=3,3", body, /the first below the second, but found "3,3"/],
        [400, "/v1/heatmap?range=-1e999,1", body, /^Expected range to be two numbers/],
        [400, "/v1/heatmap?range=.,1", body, /the first below the second, but found ".,1"/],
        [
          400,
          "/v1/score",
          { ...body, headers: { "content-type": "multipart/form-data" } },
          /^Expected a body of multipart/,
        ],
        [
          400,
          "/v1/score",
          { method: "POST", body: new FormData() },
          /^Expected files as parts `image`, but found none/,
        ],
        [404, "/v1/score?model=other", body, 'Expected one of the models thing, but found "other"'],
        [404, "/v2/score", {}, /^Expected a path/],
        [405, "/v1/score", {}, "Expected the method POST, but found GET"],
        [405, "/v1/models", { method: "DELETE" }, "Expected the method GET, but found DELETE"],
        [405, "/", { method: "POST" }, "Expected the method GET, but found POST"],
        [413, "/v1/score", image(big), "Expected a body of at most 65536 bytes, but found more"],
        [
          413,
          "/v1/score",
          image(png(7, 7, 101, 100)),
          "Expected image to have at most 10000 pixels, but found 101×100",
        ],
        [
          413,
          "/v1/score",
          parts(...Array.from({ length: 9 }, (): [string, string] => ["a", "b"])),
          /at most 8 images/,
        ],
        [415, "/v1/score", { ...body, headers: { "content-encoding": "gzip" } }, /in the encoding "gzip"/],
        [415, "/v1/heatmap", parts(["a", png(7)]), "Expected an image as the body, but found several parts"],
        [
          422,
          "/v1/score",
          image("hello"),
          /^Expected image to be a PNG, .*image, but found something else$/,
        ],
        [422, "/v1/score", image(png(7).slice(0, -20)), /^Can't read image as a PNG image/],
        [422, "/v1/score", { method: "POST" }, /an empty file/],
      ] as [number, string, RequestInit, string | RegExp][]
    ) {
      const said = await refused(await ask(path, init), status);
      if (typeof error === "string") equal(said, error);
      else match(said, error);
    }
    const other = await ask("/v1/score");
    equal(other.headers.get("allow"), "POST");
    await other.body!.cancel();
    const chunks = ReadableStream.from(Array.from({ length: 20 }, () => new Uint8Array(10_000)));
    match(
      await refused(await ask("/v1/score", { method: "POST", body: chunks }), 413),
      /^Expected a body of at most/,
    );
    deepEqual(backend.batches, []);
  }));

Deno.test("a body that takes too long is refused", () =>
  withServer(async ({ ask }) => {
    const slow = Promise.withResolvers<Uint8Array>();
    async function* body() {
      yield new Uint8Array(10);
      yield await slow.promise;
    }
    const response = await ask("/v1/score", { method: "POST", body: ReadableStream.from(body()) });
    const said = await refused(response, 408);
    equal(said, "Expected a body within 0.05 seconds, but found it unfinished");
    slow.resolve(new Uint8Array(10));
  }, { bodySeconds: 0.05 }));

Deno.test("a model without maps has no regions, and draws none", () => {
  const backend = new FakeBackend("thing.safetensors");
  backend.maps = false;
  return withServer(
    async ({ ask }) => {
      const { results: [found] } = v.parse(
        ScoreAnswer,
        await answer(await ask("/v1/score?map=float32", image(png(200))), 200),
      );
      ok("score" in found && found.map === null && found.regions.length === 0);
      match(
        await refused(await ask("/v1/heatmap", image(png(200))), 422),
        /^Expected a model that says where/,
      );
    },
    {},
    backend,
  );
});

Deno.test("beyond the queue there is 429 with Retry-After, and room again afterwards", () =>
  withServer(async ({ ask, backend, server }) => {
    const hold = Promise.withResolvers<void>();
    backend.hold = hold.promise;
    const taken = Array.from({ length: 8 }, (_, i) => ask("/v1/score", image(png(i))));
    const queued = async () =>
      /adtr_queue_images{model="thing"} (\d+)/.exec(await (await ask("/metrics")).text())![1];
    await until(async () => await queued() === "8");
    const response = await ask("/v1/score", image(png(9)));
    ok(Number(response.headers.get("retry-after")) >= 1);
    equal(await refused(response, 429), "Expected room in the queue, but found 8 images waiting");
    // Who is waiting is answered while the server stops, and nobody else.
    const stopped = server.stop();
    deepEqual(await answer(await ask("/healthz"), 503), { status: "stopping" });
    match(await refused(await ask("/v1/score", image(png(9))), 503), /being stopped$/);
    hold.resolve();
    for (const [i, response] of (await Promise.all(taken)).entries()) {
      const { results: [result] } = v.parse(ScoreAnswer, await answer(response, 200));
      ok("score" in result && result.score === i);
    }
    await stopped;
    await rejects(ask("/healthz"));
    equal(backend.batches.reduce((a, b) => a + b), 8);
    equal(backend.disposed, 1);
    ok(backend.devices[0].closed);
  }));

Deno.test("several images that don't all find room are refused together", () =>
  withServer(async ({ ask, backend }) => {
    const hold = Promise.withResolvers<void>();
    backend.hold = hold.promise;
    const first = ask(
      "/v1/score",
      parts(...Array.from({ length: 7 }, (): [string, Uint8Array<ArrayBuffer>] => ["a", png(1)])),
    );
    await until(() => backend.batches.length === 1);
    await refused(await ask("/v1/score", parts(["b", png(2)], ["c", png(3)])), 429);
    hold.resolve();
    await answer(await first, 200);
    await answer(await ask("/v1/score", parts(["b", png(2)], ["c", png(3)])), 200);
  }));

Deno.test("who goes away is not scored", () =>
  withServer(async ({ ask, backend, lines }) => {
    const hold = Promise.withResolvers<void>(), going = new AbortController();
    backend.hold = hold.promise;
    const first = ask("/v1/score", image(png(1)));
    await until(() => backend.batches.length === 1);
    const second = ask("/v1/score", { ...image(png(2)), signal: going.signal });
    const queued = async () =>
      /adtr_queue_images{model="thing"} (\d+)/.exec(await (await ask("/metrics")).text())![1];
    await until(async () => await queued() === "2");
    going.abort();
    await rejects(second);
    await until(async () => await queued() === "1");
    hold.resolve();
    await answer(await first, 200);
    deepEqual(backend.batches, [1]);
    ok(lines.some((line) => / 499 /.test(line)), lines.join("\n"));
  }));

Deno.test("a fault of the program is told to who runs it, and not to who asks", () =>
  withServer(async ({ ask, backend, lines }) => {
    backend.next = new Error("secret /home/me/model");
    equal(await refused(await ask("/v1/score", image(png(1))), 500), "The server failed; its log says more");
    ok(lines.some((line) => line.includes("POST /v1/score: Error: secret")), lines.join("\n"));
    await answer(await ask("/v1/score", image(png(1))), 200);
  }));

Deno.test("a request that fails in no known way while the server stops keeps nothing open", () =>
  withServer(async ({ ask, backend, server }) => {
    const hold = Promise.withResolvers<void>();
    backend.hold = hold.promise;
    backend.next = "no error at all" as unknown as Error;
    const response = ask("/v1/score", image(png(1)));
    await until(() => backend.batches.length === 1);
    const stopped = server.stop();
    hold.resolve();
    equal((await response).status, 500);
    await (await response).body?.cancel();
    await stopped;
    equal(backend.disposed, 1);
    ok(backend.devices[0].closed);
  }));

Deno.test("a model that refuses one of several images says so in its row", () =>
  withServer(async ({ ask, backend }) => {
    backend.refused = 13;
    const body = await answer(
      await ask("/v1/score", parts(["a", png(1)], ["b", png(13)], ["c", png(2)])),
      200,
    );
    const found = v.parse(ScoreAnswer, body).results.map((result) =>
      "error" in result ? result.error : result.score
    );
    deepEqual(found, [1, "Expected another image than b", 2]);
  }));

Deno.test("an address that is taken, and files that are no models, are refused at the start", () =>
  withServer(async ({ server: { address: { port } } }) => {
    const never = () => Promise.reject(new Error("started"));
    await rejects(
      withServer(never, { port }),
      (error) =>
        error instanceof InputError && error.message.startsWith(`Can't listen at 127.0.0.1:${port}: `),
    );
    const backend = new FakeBackend("thing.safetensors");
    backend.write("thing.safetensors", null);
    await rejects(withServer(never, {}, backend), { name: "InputError" });
    ok(backend.devices[0].closed);
  }));
