/**
 * The routes: what is asked, how it is scored, what is answered. docs/serve.md describes them for people, openapi.ts for programs.
 *
 * @module
 */
import { type Context, Hono, type MiddlewareHandler } from "npm:hono@^4.13.0";
import type * as v from "npm:valibot@^1.5.0";
import type { FloatMap } from "../data/float_map.ts";
import { encodePng, type Image } from "../data/image.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { InputError } from "../errors.ts";
import { QueueFull } from "../score/queue.ts";
import { regionsOf } from "../score/regions.ts";
import type { Verdict } from "../score/verdict.ts";
import { type BodyLimits, isMultipart, receiveImages, type SentImage } from "./body.ts";
import type { Decoder } from "./decoder.ts";
import type { Metrics } from "./metrics.ts";
import type { Device, Models, ServedModel } from "./models.ts";
import { openApi } from "./openapi.ts";
import type { PageFile } from "./page.ts";
import { drawHeatmap } from "./picture.ts";
import { Refusal } from "./refusal.ts";
import type { Health, ModelInfo, ModelList, ScoreAnswer, Scored, Unscored } from "./schemas.ts";
import { HeatmapQuery, MAP_SIDE, MAPS, NoQuery, parseQuery, ScoreQuery } from "./schemas.ts";
import { ownHostsOnly, type SecurityOptions, strictHeaders, tokenOnly } from "./security.ts";

/** What the routes work with. */
export interface AppOptions {
  models: Models<Device>;
  decoder: Decoder;
  metrics: Metrics;
  security: SecurityOptions;
  body: BodyLimits;
  /** Requests whose bodies are received at once, and images of a request, at most. */
  queue: number;
  /** Of the program. */
  version: string;
  /** The inspection page, by its paths from the server's address. */
  page: ReadonlyMap<string, PageFile>;
  /** Whether the server has begun to stop. */
  isStopping: () => boolean;
  /** Takes a line about each request. */
  onAccess: (line: string) => void;
  /** Takes what a fault of the program tells. */
  onFault: (text: string) => void;
}

/** What comes with a request beside itself. */
export interface Bindings {
  /** Who asks. */
  client: string;
}

type Env = { Bindings: Bindings };

/** Where the page begins. */
const INDEX = "index.html";
/** Whoever asked has gone: for the log only. */
const GONE = 499;
/** Seconds after which who found the server busy may ask again, at most. */
const LONGEST_RETRY = 60;

/** The server's handler of requests: `app.fetch(request, { client })`. */
export function createApp(options: AppOptions): Hono<Env> {
  const { models, metrics, security, version, page } = options, app = new Hono<Env>();
  const document = openApi(version), token = tokenOnly(security);
  app.onError((error, c) => answerError(error, c, options));
  app.use(counted(options), strictHeaders(), ownHostsOnly(security));
  app.use("/v1/*", token, async (_, next) => {
    if (options.isStopping()) {
      throw new Refusal(503, "Expected a server that goes on, but it is being stopped");
    }
    await next();
  });
  app.use("/metrics", token);

  app.get("/healthz", (c) => {
    const status = options.isStopping() ? "stopping" : models.failure ?? "ok";
    return c.json({ status } satisfies v.InferOutput<typeof Health>, status === "ok" ? 200 : 503);
  });
  app.get(
    "/metrics",
    (c) => c.text(metrics.text(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  app.get("/openapi.json", (c) => c.json(document));
  app.get("/v1/models", (c) => {
    parseQuery(NoQuery, c.req.query());
    return c.json({ models: models.all.map(infoOf) } satisfies v.InferOutput<typeof ModelList>);
  });

  const receive = receiver(options);
  app.post("/v1/score", async (c) => {
    const { model: name, map: wanted } = parseQuery(ScoreQuery, c.req.query()), request = c.req.raw;
    const images = await receive(request, name), model = models.find(name); // there may be a new one by now
    if (wanted === "float32") requireFew(images.length);
    requireRoom(model, images.length);
    const results = await Promise.all(images.map(async (sent) => {
      try {
        const { image: { width, height }, verdict } = await score(options, model, sent, request.signal);
        const map = wanted === "float32" ? verdict.map : null;
        return resultOf(model, sent.name, { width, height }, verdict, map);
      } catch (error) {
        if (isMultipart(request) && isImageFault(error)) {
          return { name: sent.name, error: error.message } satisfies v.InferOutput<typeof Unscored>;
        }
        throw error;
      }
    }));
    return c.json({ model: model.name, results } satisfies v.InferOutput<typeof ScoreAnswer>);
  });
  app.post("/v1/heatmap", async (c) => {
    const { model: name, range } = parseQuery(HeatmapQuery, c.req.query()), request = c.req.raw;
    if (isMultipart(request)) {
      throw new Refusal(415, "Expected an image as the body, but found several parts");
    }
    requireMaps(models.find(name));
    const [sent] = await receive(request, name), model = models.find(name);
    requireMaps(model);
    requireRoom(model, 1);
    const { image, verdict } = await score(options, model, sent, request.signal);
    const [low, high] = range?.split(",").map(Number) ?? [];
    const picture = drawHeatmap(
      image,
      verdict,
      range ? { low, high } : null,
      model.model.decision.pixel?.value ?? null,
    );
    return c.body(encodePng(picture) as Uint8Array<ArrayBuffer>, 200, { "content-type": "image/png" });
  });

  for (const [method, paths] of Object.entries(PATHS)) {
    for (const path of paths) app.all(path, (c) => notAllowed(c, method));
  }
  app.get("*", (c) => {
    const path = c.req.path.slice(1), file = page.get(path === "" ? INDEX : path);
    if (!file) throw new Refusal(404, "Expected a path of this server, but found another");
    return c.body(file.bytes, 200, { "content-type": file.type });
  });
  app.all("*", (c) => notAllowed(c, "GET"));
  return app;
}

/** The API's paths by the method they take. */
const PATHS = {
  GET: ["/healthz", "/metrics", "/openapi.json", "/v1/models"],
  POST: ["/v1/score", "/v1/heatmap"],
} as const;
const KNOWN: readonly string[] = Object.values(PATHS).flat();

function notAllowed({ req }: Context, method: string): never {
  const allow = method === "GET" ? "GET, HEAD" : method;
  throw new Refusal(405, `Expected the method ${method}, but found ${req.method}`, { allow });
}

/** Counts every request and writes a line about it. */
function counted({ metrics, onAccess }: AppOptions): MiddlewareHandler<Env> {
  return async (c, next) => {
    const started = performance.now(), { method, path } = c.req;
    await next();
    const seconds = (performance.now() - started) / 1000, route = KNOWN.includes(path) ? path : "page";
    metrics.requests.add({ route, status: `${c.res.status}` });
    metrics.seconds.observe(seconds, { route });
    const took = `${seconds.toFixed(3)}s`;
    onAccess([new Date().toISOString(), c.env.client, method, pathOf(c), c.res.status, took].join(" "));
  };
}

/** Percent-encoded, unlike `c.req.path`: it can't break a line of the log. */
function pathOf({ req }: Context): string {
  return new URL(req.url).pathname;
}

/** Takes a request's images, of no more requests at once than may wait. */
function receiver({ models, body, queue }: AppOptions) {
  let receiving = 0;
  /** @param name of the model that is asked, looked for before anything is received */
  return async (request: Request, name: string | undefined): Promise<SentImage[]> => {
    const model = models.find(name);
    models.requireGpu();
    if (receiving >= queue || model.queue.room <= 0) throw full(model);
    receiving++;
    try {
      const images = await receiveImages(request, body);
      if (images.length <= queue) return images;
      throw new Refusal(413, `Expected at most ${queue} images at once, but found ${images.length}`);
    } finally {
      receiving--;
    }
  };
}

function requireMaps({ model: { method } }: ServedModel): void {
  if (method.maps) return;
  throw new Refusal(
    422,
    "Expected a model that says where anomalies are, but found one that scores whole images",
  );
}

function requireFew(images: number): void {
  if (images <= MAPS) return;
  throw new Refusal(400, `Expected at most ${MAPS} images at once with map=float32, but found ${images}`);
}

function requireRoom(model: ServedModel, images: number): void {
  if (model.queue.room < images) throw full(model);
}

/** @returns 429, with the time that what waits is going to take */
function full({ queue, pace }: ServedModel): Refusal {
  const seconds = Math.min(Math.max(Math.ceil(queue.length * pace()), 1), LONGEST_RETRY);
  return new Refusal(429, `Expected room in the queue, but found ${queue.length} images waiting`, {
    "retry-after": `${seconds}`,
  });
}

async function score(
  { models, decoder, metrics }: AppOptions,
  model: ServedModel,
  { name, bytes }: SentImage,
  signal: AbortSignal,
): Promise<{ image: Image; verdict: Verdict }> {
  let image: Image;
  const open = async (): Promise<Image> => image = await decoder.decode(bytes, name, signal);
  try {
    const verdict = await models.score(model, open, { name, signal });
    metrics.images.add({ model: model.name, label: verdict.label ?? "none" });
    return { image: image!, verdict };
  } catch (error) {
    if (isImageFault(error)) metrics.refused.add({ model: model.name });
    throw error;
  }
}

/** Whether an error is about one image, rather than about the server. */
function isImageFault(error: unknown): error is Error {
  return error instanceof InputError || (error instanceof Refusal && error.status === 413);
}

function infoOf(
  { name, model: { method, info, settings, decision } }: ServedModel,
): v.InferOutput<typeof ModelInfo> {
  const category = typeof info.category === "string" ? info.category : null;
  return {
    name,
    method: method.name,
    category,
    image_size: settings.image_size,
    maps: method.maps,
    decision,
  };
}

function resultOf(
  { model: { decision: { pixel } } }: ServedModel,
  name: string,
  { width, height }: { width: number; height: number },
  { score, normalised, label, map, area }: Verdict,
  sent: FloatMap | null,
): v.InferOutput<typeof Scored> {
  const regions = map && pixel ? regionsOf(map, pixel.value, area) : [];
  return { name, score, normalised, label, width, height, area, regions, map: sent && encodeMap(sent) };
}

function encodeMap(map: FloatMap): { width: number; height: number; data: string } {
  const { width, height, data } = mapWithin(map, MAP_SIDE);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { width, height, data: bytes.toBase64() };
}

function answerError(error: Error, c: Context<Env>, { onFault }: AppOptions): Response {
  if (error instanceof Refusal) return c.json({ error: error.message }, error.status, { ...error.headers });
  if (error instanceof InputError) return c.json({ error: error.message }, 422);
  if (error instanceof QueueFull) return c.json({ error: error.message }, 429, { "retry-after": "1" });
  if (c.req.raw.signal.aborted) return new Response(null, { status: GONE });
  onFault(`${c.req.method} ${pathOf(c)}: ${error.stack ?? error.message}`);
  return c.json({ error: "The server failed; its log says more" }, 500);
}
