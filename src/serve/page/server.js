// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Scoring by the server that the page came from. A full queue is waited for, a token asked for once for all that wait, and
 * whatever else it answers becomes words.
 *
 * @module
 */

/** @import { ModelInfo, Scored, Scorer } from "./types.js" */

const TOKEN = "adtr token"; // in sessionStorage: gone with the tab
/** Tries while the server is busy or without a GPU, and the first wait between two, ms; it doubles up to the longest. */
const TRIES = { busy: 12, failed: 4 }, WAIT = 500, LONGEST = 15_000;

/** @implements {Scorer} */
export class ServerScorer {
  where = `scored by the server at ${location.host}`;
  privacy = "Images go to the server that this page is from, and nowhere else.";
  atOnce = 4;
  /** @type {readonly ModelInfo[]} */
  models = [];
  /** @type {(why: string) => Promise<string | null>} */
  #askToken;
  /** @type {Promise<string | null> | null} */
  #asked = null;

  /** @param {(why: string) => Promise<string | null>} askToken */
  constructor(askToken) {
    this.#askToken = askToken;
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given !== null) {
      sessionStorage.setItem(TOKEN, given);
      history.replaceState(null, "", location.pathname + location.search); // not to be seen, or kept as a bookmark
    }
  }

  /** @param {(why: string) => Promise<string | null>} askToken */
  static async open(askToken) {
    const scorer = new ServerScorer(askToken);
    const response = await scorer.#request("v1/models", {}, new AbortController().signal);
    scorer.models = (await response.json()).models;
    return scorer;
  }

  /** @param {Blob} image @param {string} model @param {AbortSignal} signal @returns {Promise<Scored>} */
  async score(image, model, signal) {
    const address = `v1/score?${new URLSearchParams({ model, map: "float32" })}`;
    // A type of its own: the browser guesses one from the file's name, and the server goes by the content.
    const body = new Blob([image], { type: "application/octet-stream" });
    const response = await this.#request(address, { method: "POST", body }, signal);
    const [result] = (await response.json()).results;
    if (result.error !== undefined) throw new Error(result.error);
    const { score, width, height, area, map } = result;
    return {
      score,
      width,
      height,
      area,
      map: map && { width: map.width, height: map.height, data: floats(map.data) },
    };
  }

  picture() {
    return null;
  }

  /**
   * @param {string} address @param {RequestInit} init @param {AbortSignal} signal
   * @returns {Promise<Response>} with status 200
   */
  async #request(address, init, signal) {
    for (let tries = 1;; tries++) {
      const token = sessionStorage.getItem(TOKEN);
      const headers = token === null ? undefined : { authorization: `Bearer ${token}` };
      const response = await fetch(address, { ...init, headers, signal }).catch((error) => {
        if (signal.aborted) throw error;
        throw new Error("The server can’t be reached: is it still running?");
      });
      if (response.ok) return response;
      const said = await errorIn(response);
      if (response.status === 401) {
        // Another request may have been given the token meanwhile.
        if (token === sessionStorage.getItem(TOKEN) && !await this.#newToken(token !== null)) {
          throw new Error("The server asks for its token, and none was given.");
        }
      } else if (response.status === 429) {
        if (tries >= TRIES.busy) throw new Error(`The server is too busy; ${tries} tries were in vain.`);
        await wait(pause(tries, response.headers.get("retry-after")), signal);
      } else if (response.status === 503) {
        if (tries >= TRIES.failed) {
          throw new Error(`The server can’t score at the moment${said && `: ${said}`}`);
        }
        await wait(pause(tries, response.headers.get("retry-after")), signal);
      } else if (response.status === 403) {
        throw new Error(`The server does not answer pages from ${location.origin}${said && `: ${said}`}`);
      } else if (response.status === 413) {
        throw new Error(said || "The image is larger than the server takes.");
      } else if (response.status === 404) {
        throw new Error(said || "The server doesn’t know the model any more; load this page again.");
      } else {
        throw new Error(said || `The server answered with status ${response.status}.`);
      }
    }
  }

  /** @param {boolean} had whether there was one, which was wrong */
  async #newToken(had) {
    const why = had
      ? "The token it was given is not the right one."
      : "It was given when the server was started.";
    this.#asked ??= this.#askToken(why).finally(() => this.#asked = null);
    const token = await this.#asked;
    if (token !== null) sessionStorage.setItem(TOKEN, token);
    return token !== null;
  }
}

/** What the server says is wrong; "" where it says nothing. @param {Response} response @returns {Promise<string>} */
async function errorIn(response) {
  const said = await response.json().catch(() => null);
  return typeof said?.error === "string" ? said.error : "";
}

/** How long to wait, ms. @param {number} tries @param {string | null} wanted seconds, as the server says */
function pause(tries, wanted) {
  const seconds = Number(wanted ?? NaN), doubled = WAIT * 2 ** (tries - 1);
  const base = seconds > 0 ? Math.max(seconds * 1000, doubled / 4) : doubled;
  return Math.min(base, LONGEST) * (1 + Math.random() / 4); // not all at the same time again
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Little-endian float32 in base64, on a machine that is little-endian as all with browsers are. @param {string} text */
function floats(text) {
  return new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}
