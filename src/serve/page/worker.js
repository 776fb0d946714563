// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="webworker" />
/**
 * The library in a worker: answers the messages of browser.js.
 *
 * @module
 */
import * as library from "./library.js";

/** @type {Record<string, (argument: any) => unknown>} */
const calls = library;

addEventListener("message", async ({ data: { call, what, argument } }) => {
  try {
    const result = await calls[what](argument);
    postMessage({ call, result }, { transfer: library.transferred(result) });
  } catch (error) {
    postMessage({ call, error: error instanceof Error ? error.message : String(error) });
  }
});
