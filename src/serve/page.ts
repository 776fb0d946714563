/**
 * The inspection page's files, as `adtr serve` answers with them and `adtr export web` writes them: text that travels with the
 * program, also from JSR, and needs no bundling.
 *
 * @module
 */
import { COLORMAP } from "../report/colormap.ts";
import browser from "./page/browser.js" with { type: "text" };
import camera from "./page/camera.js" with { type: "text" };
import colours from "./page/colours.js" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import files from "./page/files.js" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import keys from "./page/keys.js" with { type: "text" };
import library from "./page/library.js" with { type: "text" };
import list from "./page/list.js" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import css from "./page/page.css" with { type: "text" };
import picture from "./page/picture.js" with { type: "text" };
import regions from "./page/regions.js" with { type: "text" };
import scorer from "./page/scorer.js" with { type: "text" };
import server from "./page/server.js" with { type: "text" };
import session from "./page/session.js" with { type: "text" };
import stage from "./page/stage.js" with { type: "text" };
import tables from "./page/tables.js" with { type: "text" };
import thresholds from "./page/thresholds.js" with { type: "text" };
import verdict from "./page/verdict.js" with { type: "text" };
import work from "./page/work.js" with { type: "text" };
import worker from "./page/worker.js" with { type: "text" };

/** A file as it is sent. */
export interface PageFile {
  /** Its Content-Type. */
  type: string;
  /** Its content. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Where the page's images are scored: what `scoring.json` beside it says. Addresses are relative to the page's. */
export type Scoring =
  | { where: "server" }
  | {
    where: "browser";
    /** What the model is called. */
    name: string;
    /** The model file's address. */
    model: string;
    /** The address of its backbone's weight file; null where that is built in. */
    weights: string | null;
  };

const SCRIPTS = {
  ...{ browser, camera, colours, dom, files, keys, library, list, main, picture, regions, scorer, server },
  ...{ session, stage, tables, thresholds, verdict, work, worker },
};

/**
 * The page's files by their paths from its address, `index.html` among them.
 *
 * @param scoring where images are scored; by the server that the page comes from, if not told
 */
export function pageFiles(
  scoring: Scoring = { where: "server" },
): Promise<ReadonlyMap<string, PageFile>> {
  const texts: [path: string, type: string, text: string][] = [
    ["index.html", "text/html", html],
    ["page.css", "text/css", css],
    ...Object.entries(SCRIPTS).map(([name, text]): [string, string, string] => [
      `${name}.js`,
      "text/javascript",
      text,
    ]),
    ["scoring.json", "application/json", JSON.stringify(scoring)],
    ["colours.json", "application/json", JSON.stringify({ colours: [...COLORMAP] })],
  ];
  const encoder = new TextEncoder();
  return Promise.resolve(
    new Map(
      texts.map((
        [path, type, text],
      ) => [path, { type: `${type}; charset=utf-8`, bytes: encoder.encode(text) }]),
    ),
  );
}
