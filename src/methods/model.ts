/**
 * Reading what a model file claims of a model: every number has a bound, so that nothing is made by a size that nobody can
 * have meant.
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { shortened } from "../errors.ts";
import { whole } from "./settings.ts";

/** Sizes of features, which every model has. */
export const SIZES = { C: whole(1, 65536), H: whole(1, 256), W: whole(1, 256) };

/**
 * A reader of models with these fields.
 *
 * @returns throws {RangeError} where a field is missing, or beyond what it may be
 */
export function modelReader<E extends v.ObjectEntries>(
  entries: E,
): (model: unknown) => v.InferOutput<v.ObjectSchema<E, undefined>> {
  const schema = v.object(entries, "there");
  return (model) => {
    const result = v.safeParse(schema, model, { abortEarly: true });
    if (result.success) return result.output;
    const [issue] = result.issues, where = v.getDotPath(issue) ?? "it";
    throw new RangeError(
      `Expected ${where} to be ${issue.message}, but found ${
        shortened(JSON.stringify(issue.input) ?? "none")
      }`,
    );
  };
}
