/**
 * The API's description for programs: OpenAPI 3.1, whose schemas are those that check requests.
 *
 * @module
 */
import { toJsonSchema, toJsonSchemaDefs } from "npm:@valibot/to-json-schema@^1.8.0";
import type * as v from "npm:valibot@^1.5.0";
import {
  Decision,
  Failure,
  Health,
  HeatmapQuery,
  ModelInfo,
  ModelList,
  Region,
  ScoreAnswer,
  Scored,
  ScoreQuery,
  Threshold,
  Unscored,
} from "./schemas.ts";

/** What has a name in the document. */
const components = {
  Threshold,
  Decision,
  ModelInfo,
  ModelList,
  Region,
  Scored,
  Unscored,
  ScoreAnswer,
  Health,
  Failure,
};

/** References to what is in the document's components. */
const at = (name: keyof typeof components): object => ({ $ref: `#/components/schemas/${name}` });

const json = (description: string, name: keyof typeof components): object => ({
  description,
  content: { "application/json": { schema: at(name) } },
});

/** What else a request may be answered with. */
const FAILURES: Record<number, string> = {
  400: "The query or the body is not what it must be.",
  401: "The token is missing or wrong.",
  403: "The request comes for or from another host.",
  404: "There is no such model.",
  408: "The body took too long.",
  413: "The body or the image is too large, or there are too many.",
  415: "The body is compressed, or in parts where one image is wanted.",
  422: "The image can't be read.",
  429: "The queue is full: Retry-After says when to try again.",
  503: "The GPU failed and is being opened again: Retry-After says when to try again.",
};
const failures = (...statuses: number[]): object =>
  Object.fromEntries(statuses.map((status) => [status, json(FAILURES[status], "Failure")]));

/** Parameters of a query's schema. */
function parameters(schema: v.GenericSchema): object[] {
  const { properties = {} } = toJsonSchema(schema, { typeMode: "input", ignoreActions: ["check"] });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
}

const IMAGE = { schema: { type: "string", format: "binary" } };
const IMAGES = {
  schema: {
    type: "object",
    required: ["image"],
    properties: { image: { type: "array", items: { type: "string", format: "binary" } } },
  },
};
const TOKEN = [{}, { token: [] }];

/** The document. @param version of the program */
export function openApi(version: string): object {
  const definitions = toJsonSchemaDefs(components, {
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  });
  return {
    openapi: "3.1.0",
    info: {
      title: "adtr serve",
      version,
      license: { name: "MIT", identifier: "MIT" },
      description: "Scores images by models that `adtr train` wrote: label, scores, regions, heat maps.",
    },
    servers: [{ url: "/" }],
    paths: {
      "/v1/score": {
        post: {
          operationId: "score",
          summary: "Scores one image, or several.",
          security: TOKEN,
          parameters: parameters(ScoreQuery),
          requestBody: { required: true, content: { "multipart/form-data": IMAGES, "*/*": IMAGE } },
          responses: {
            200: json(
              "What was found; of several images, each has a row, those that can't be read too.",
              "ScoreAnswer",
            ),
            ...failures(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
          },
        },
      },
      "/v1/heatmap": {
        post: {
          operationId: "heatmap",
          summary: "Draws where an image is anomalous: the image, the map over it, the map alone.",
          security: TOKEN,
          parameters: parameters(HeatmapQuery),
          requestBody: { required: true, content: { "*/*": IMAGE } },
          responses: {
            200: { description: "The picture.", content: { "image/png": IMAGE } },
            ...failures(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
          },
        },
      },
      "/v1/models": {
        get: {
          operationId: "models",
          summary: "The models that can be asked.",
          security: TOKEN,
          responses: { 200: json("All of them.", "ModelList"), ...failures(401, 403) },
        },
      },
      "/healthz": {
        get: {
          operationId: "health",
          summary: "Whether images can be scored.",
          responses: {
            200: json("They can.", "Health"),
            503: json("They can't now.", "Health"),
            ...failures(403),
          },
        },
      },
      "/metrics": {
        get: {
          operationId: "metrics",
          summary: "Counts for Prometheus.",
          security: TOKEN,
          responses: {
            200: {
              description: "Prometheus' text form.",
              content: { "text/plain": { schema: { type: "string" } } },
            },
            ...failures(401, 403),
          },
        },
      },
      "/openapi.json": {
        get: {
          operationId: "openapi",
          summary: "This description.",
          responses: {
            200: {
              description: "OpenAPI 3.1.",
              content: { "application/json": { schema: { type: "object" } } },
            },
            ...failures(403),
          },
        },
      },
    },
    components: {
      schemas: definitions,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}
