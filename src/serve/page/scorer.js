// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Who scores: one interface, and its choice. `scoring.json` beside the page says whether a server does, or this browser with
 * a model that lies there too.
 *
 * @module
 */
import { ServerScorer } from "./server.js";

/** @import { Scorer, Site } from "./types.js" */

/**
 * Opens what scores.
 *
 * @param {(why: string) => Promise<string | null>} askToken asks for a server's token; null where it is not given
 * @param {(what: string) => void} onProgress told in words what is being done
 * @returns {Promise<Scorer>}
 */
export async function openScorer(askToken, onProgress) {
  const response = await fetch("scoring.json").catch(() => null);
  if (!response?.ok) {
    throw new Error("Expected scoring.json beside this page, but found none: is the server still there?");
  }
  const site = /** @type {Site} */ (await response.json());
  if (site.where === "server") return await ServerScorer.open(askToken);
  const { openInBrowser } = await import("./browser.js");
  return await openInBrowser(site, onProgress);
}
