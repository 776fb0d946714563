/**
 * The inspection page at work, without a browser: what is stopped or cleared leaves nothing behind, and a lost GPU is given back.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Session } from "../../src/serve/page/session.js";
import { Work } from "../../src/serve/page/work.js";
import { inFolder } from "../folder.ts";

const LIBRARY = join(import.meta.dirname!, "..", "..", "src", "serve", "page", "library.js");
const MODEL = {
  ...{ name: "a", method: "knn", category: null, image_size: 8, maps: true },
  decision: { image: null, pixel: null, spread: null },
};
const SIZE = { width: 2, height: 2 };
const SCORED = {
  score: 3,
  ...SIZE,
  area: { x: 0, y: 0, ...SIZE },
  map: { ...SIZE, data: new Float32Array(4) },
};

/** Stands in for what tests have no other way to, for as long as `test` takes. */
async function withGlobals(stands: Record<string, unknown>, test: () => Promise<void>): Promise<void> {
  const before = Object.fromEntries(Object.keys(stands).map((name) => [name, Reflect.get(globalThis, name)]));
  Object.assign(globalThis, stands);
  try {
    await test();
  } finally {
    Object.assign(globalThis, before);
  }
}

/** Runs `test` where thumbnails can be made. @param test takes the addresses of those that are kept */
async function withThumbnails(test: (addresses: Set<string>) => Promise<void>): Promise<void> {
  class Canvas {
    getContext = () => ({ drawImage() {} });
    convertToBlob = () => Promise.resolve(new Blob(["thumbnail"]));
  }
  const addresses = new Set<string>(), { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const address = createObjectURL(blob);
    addresses.add(address);
    return address;
  };
  URL.revokeObjectURL = (address) => {
    addresses.delete(address);
    revokeObjectURL(address);
  };
  const createImageBitmap = () => Promise.resolve({ ...SIZE, close() {} });
  try {
    await withGlobals({ OffscreenCanvas: Canvas, createImageBitmap }, () => test(addresses));
  } finally {
    Object.assign(URL, { createObjectURL, revokeObjectURL });
    addresses.forEach(revokeObjectURL);
  }
}

/** A session at work on one image, by a scorer that can't stop, as the library's in a browser. */
function atWork() {
  const session = new Session([MODEL]), answer = Promise.withResolvers<typeof SCORED>();
  const scorer = {
    where: "",
    privacy: "",
    atOnce: 1,
    models: [MODEL],
    score: () => answer.promise,
    picture: () => null,
  };
  let toIdle = () => {};
  const idle = new Promise<void>((resolve) => toIdle = resolve);
  const work: Work = new Work(scorer, session, ({ state }: { state: string }) => {
    if (state !== "scoring") toIdle();
  });
  const entry = session.add(new Blob(), "a.png", "a", false);
  work.add([entry]);
  return { session, work, entry, answer, idle };
}

Deno.test("an image is scored, and keeps its map and its thumbnail", () =>
  withThumbnails(async (addresses) => {
    const { entry, answer, idle } = atWork();
    answer.resolve(SCORED);
    await idle;
    deepEqual([entry.state, entry.scored?.score], ["done", 3]);
    deepEqual([...addresses], [entry.thumbnail]);
  }));

Deno.test("what is stopped gets no result from a scoring that ends later", () =>
  withThumbnails(async (addresses) => {
    const { session, work, entry, answer, idle } = atWork();
    work.stop();
    answer.resolve(SCORED);
    await idle;
    deepEqual([entry.state, entry.scored], ["stopped", null]);
    deepEqual([...addresses], [entry.thumbnail]); // the list has it yet
    session.clear();
    equal(addresses.size, 0);
  }));

Deno.test("what is cleared keeps neither map nor thumbnail when its scoring ends later", () =>
  withThumbnails(async (addresses) => {
    const { session, work, entry, answer, idle } = atWork();
    work.stop();
    session.clear();
    answer.resolve(SCORED);
    await idle;
    deepEqual([entry.scored, entry.thumbnail, addresses.size], [null, null, 0]);
    deepEqual(session.colours("a").range(null), { low: 0, high: 1 }); // of no map
  }));

/** What the library's bundle does here: devices that can be lost, and a file that may be none. */
const ADTR = `
export const devices = [], trouble = { file: null };
export const Gpu = {
  open() {
    const device = { lost: false, closed: 0, close: () => device.closed++ };
    devices.push(device);
    return device;
  },
};
export async function openModelBytes(gpu) {
  if (trouble.file) throw new Error(trouble.file);
  const score = async () => {
    if (gpu.lost) throw Object.assign(new Error("lost"), { kind: "lost" });
    return { score: devices.indexOf(gpu), map: null, area: {} };
  };
  return { method: { name: "knn", maps: true }, info: {}, settings: { image_size: 8 }, decision: {}, score };
}
export const decodeImage = async () => ({ width: 1, height: 1 });
`;

Deno.test("in a browser another device takes the place of a lost one, which is closed", () =>
  inFolder(async (folder) => {
    await Deno.copyFile(LIBRARY, join(folder, "library.js"));
    await Deno.writeTextFile(join(folder, "adtr.js"), ADTR);
    const load = (name: string) => import(pathToFileURL(join(folder, name)).href);
    const { open, score } = await load("library.js"), { devices, trouble } = await load("adtr.js");
    const closed = () => devices.map(({ closed }: { closed: number }) => closed), image = new Blob();
    await withGlobals({ fetch: () => Promise.resolve(new Response("file")) }, async () => {
      await open({ where: "browser", name: "a", model: "model.safetensors", weights: null });
      equal((await score(image)).score, 0);
      devices[0].lost = true;
      trouble.file = "no model";
      await rejects(score(image), /no model/);
      deepEqual(closed(), [0, 1]); // the new one, as nothing is on it
      trouble.file = null;
      equal((await score(image)).score, 2);
      equal((await score(image)).score, 2);
      deepEqual(closed(), [1, 1, 0]);
    });
  }));
