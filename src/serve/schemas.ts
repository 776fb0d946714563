/**
 * What is asked of the server and what it answers, as schemas: they check requests, give the types of answers, and are what
 * /openapi.json is made of. Internal, like all schemas here.
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { Refusal } from "./refusal.ts";

const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.pipe(schema, v.description(description));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Values a side of a map that is sent, and images of a request that are sent with their maps, at most: for the memory. */
export const MAP_SIDE = 1024, MAPS = 16;

const MODEL = v.optional(described(v.string(), "Name of a model; the first by default."));

/** The query of POST /v1/score. */
export const ScoreQuery = v.strictObject({
  model: MODEL,
  map: v.optional(
    described(
      v.picklist(["none", "float32"], "none or float32"),
      `Whether the anomaly map comes with the answer; then at most ${MAPS} images at once.`,
    ),
    "none",
  ),
});

/** The query of POST /v1/heatmap. */
export const HeatmapQuery = v.strictObject({
  model: MODEL,
  range: v.optional(described(
    v.pipe(
      v.string(),
      v.regex(/^[+-]?[\d.]+([eE][+-]?\d+)?,[+-]?[\d.]+([eE][+-]?\d+)?$/, "two numbers, LOW,HIGH"),
      v.check((text) => {
        const [low, high] = text.split(",").map(Number);
        return low < high && Number.isFinite(high - low);
      }, "two numbers, LOW,HIGH, the first below the second"),
    ),
    "Scores LOW,HIGH at which the colours begin and end; by default those of the image's own map.",
  )),
});

/** A query without parameters. */
export const NoQuery = v.strictObject({});

/** Above `value` is anomalous. */
export const Threshold = v.strictObject({
  value: v.number(),
  from: described(v.picklist(["normal-quantile", "f1", "fpr", "given"]), "How it was found."),
  at: v.optional(v.number()),
  images: described(count, "How many images it was found on."),
});

/** What a model remembers of deciding. */
export const Decision = v.strictObject({
  image: described(v.nullable(Threshold), "Above it an image is anomalous; null: no labels."),
  pixel: described(v.nullable(Threshold), "Above it a place of the map is; null: no regions."),
  spread: described(v.nullable(v.number()), "Standard deviation of held-out normal images' scores."),
});

/** One model. */
export const ModelInfo = v.strictObject({
  name: v.string(),
  method: v.string(),
  category: v.nullable(v.string()),
  image_size: described(count, "Pixels a side of what the model looks at."),
  maps: described(v.boolean(), "Whether it says where anomalies are."),
  decision: Decision,
});

/** The answer of GET /v1/models. */
export const ModelList = v.strictObject({ models: described(v.array(ModelInfo), "The default first.") });

/** Where something is. */
const RECT = { x: v.number(), y: v.number(), width: v.number(), height: v.number() };

/** A piece of an image that is anomalous. */
export const Region = v.strictObject({
  ...RECT,
  area: described(v.number(), "Pixels of the image."),
  peak: described(v.number(), "The map's largest value in it."),
});

/** What was found of an image. */
export const Scored = v.strictObject({
  name: described(v.string(), "Its part's file name; `image` for a body that is an image."),
  score: described(v.number(), "Raw: larger is more anomalous."),
  normalised: described(v.nullable(v.number()), "0 to 1, 0.5 at the threshold; null without one."),
  label: described(v.nullable(v.picklist(["normal", "anomalous"])), "Null without a threshold."),
  width: count,
  height: count,
  area: described(v.strictObject(RECT), "The part of the image that was looked at."),
  regions: described(
    v.array(Region),
    "Anomalous pieces in pixels of the image, the largest peak first; at most 100.",
  ),
  map: described(
    v.nullable(v.strictObject({
      width: count,
      height: count,
      data: described(v.string(), "width · height float32, little-endian, row after row, as base64."),
    })),
    `Covers the area. Of one with more than ${MAP_SIDE} values a side, the largest of those that each stands for.`,
  ),
});

/** An image that could not be scored. */
export const Unscored = v.strictObject({ name: v.string(), error: v.string() });

/** The answer of POST /v1/score. */
export const ScoreAnswer = v.strictObject({
  model: v.string(),
  results: described(v.array(v.union([Scored, Unscored])), "In the order of the images."),
});

/** The answer of GET /healthz. */
export const Health = v.strictObject({ status: described(v.string(), "`ok`, or what is wrong.") });

/** Any answer that is an error. */
export const Failure = v.strictObject({ error: v.string() });

/** Checks a query. @throws {Refusal} 400 where it is another one */
export function parseQuery<S extends v.GenericSchema>(
  schema: S,
  query: Record<string, string>,
): v.InferOutput<S> {
  const result = v.safeParse(schema, query, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues, name = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object") {
    throw new Refusal(400, `Expected another query, but found ${JSON.stringify(name)}`);
  }
  throw new Refusal(400, `Expected ${name} to be ${issue.message}, but found ${issue.received}`);
}
