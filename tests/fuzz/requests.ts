/**
 * Bodies of requests to the server: an image, and several parts; and damage to the parts.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { concatenated } from "../data/cifar_files.ts";
import { latin1 } from "../reference/checkpoint.ts";
import { png } from "../serve/fake.ts";
import { type Bytes, type Mutators, pieceMutators } from "./mutations.ts";

const BOUNDARY = "7d1f0a", DELIMITER = `--${BOUNDARY}\r\n`, END = `--${BOUNDARY}--\r\n`;

/** The type that a body is sent with. */
export function requestType(seed: string): string {
  return seed.startsWith("parts") ? `multipart/form-data; boundary=${BOUNDARY}` : "image/png";
}

function part(disposition: string, content: Bytes, type = "Content-Type: image/png\r\n"): Bytes {
  const head = `Content-Disposition: form-data; ${disposition}\r\n${type}\r\n`;
  return concatenated([latin1(DELIMITER + head), content, latin1("\r\n")]);
}

/** Bodies by name. */
export function requestSeeds(): Map<string, Bytes> {
  const image = (name: string, value: number): Bytes => part(`name="image"; filename="${name}"`, png(value));
  return new Map([
    ["single", png(7)],
    ["parts", concatenated([image("a.png", 1), image("../b.png", 2), latin1(END)])],
    [
      "parts and fields",
      concatenated([part('name="note"', latin1("a text"), ""), image("c.png", 3), latin1(END)]),
    ],
  ]);
}

/** Delimiters, heads and contents. */
const PIECES = new RegExp(`(?=--${BOUNDARY})|(?<=\\r\\n\\r\\n)`);

/** More of them, fewer, in another order, or others. */
export const PARTS: Mutators = pieceMutators({
  split: (file) => Buffer.from(file).toString("latin1").split(PIECES).map(latin1),
  join: concatenated,
});
