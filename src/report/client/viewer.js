// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * One image, large: zoomed and moved by wheel, fingers, pointer and keys.
 *
 * @module
 */
import { all, byId } from "./dom.js";
import { drawScene } from "./scene.js";

/** @import { ReportImage } from "../report_input.ts" */
/** @import { Scene, Scenes, Shown } from "./scene.js" */

const MOST = 40, STEP = 1.4;

export class Viewer {
  #dialog = /** @type {HTMLDialogElement} */ (byId("viewer"));
  #stage = /** @type {HTMLCanvasElement} */ (byId("stage"));
  #scenes;
  #host;
  /** @type {Scene | null} */
  #scene = null;
  /** Times the size at which the whole image is seen, and where its centre is, CSS pixels from the stage's. */
  #zoom = 1;
  #x = 0;
  #y = 0;
  /** Where fingers and pointers are. @type {Map<number, { x: number, y: number }>} */
  #pointers = new Map();

  /**
   * @param {Scenes} scenes
   * @param {{ shown: () => Shown, view: (name: string) => void, step: (by: number) => void, text: (image: ReportImage) => string }} host
   *   what is to be seen, and what keys change of it
   */
  constructor(scenes, host) {
    this.#scenes = scenes;
    this.#host = host;
    for (const button of all("#viewer [data-do]")) {
      button.addEventListener("click", () => this.#do(button.dataset.do ?? ""));
    }
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("close", () => byId("tools").append(byId("shown")));
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(this.#stage);
  }

  /** @param {ReportImage} image one that has a picture */
  async open(image) {
    if (image.picture === null) return;
    byId("viewer-title").textContent = image.path;
    this.describe(image);
    if (!this.#dialog.open) {
      byId("viewer-shown").append(byId("shown")); // what is behind a dialog can't be used
      this.#dialog.showModal();
      this.#stage.focus();
    }
    this.#scene = await this.#scenes.of(image.picture);
    this.#do("whole");
  }

  /** @param {ReportImage} image */
  describe(image) {
    const text = this.#host.text(image);
    byId("viewer-text").textContent = text;
    this.#stage.setAttribute("aria-label", `${image.path}: ${text}`);
  }

  /** Draws again what is open. */
  draw() {
    const stage = this.#stage, scene = this.#scene, context = stage.getContext("2d");
    if (!this.#dialog.open || scene === null || context === null) return;
    const { clientWidth: width, clientHeight: height } = stage, dense = devicePixelRatio;
    Object.assign(stage, { width: Math.round(width * dense), height: Math.round(height * dense) });
    const scale = this.#fitted() * this.#zoom, { picture } = scene;
    const place = {
      x: (width / 2 + this.#x - picture.width * scale / 2) * dense,
      y: (height / 2 + this.#y - picture.height * scale / 2) * dense,
      scale: scale * dense,
    };
    drawScene(context, scene, this.#host.shown(), place, 1.5 * dense);
  }

  /** The scale at which the whole image is seen. */
  #fitted() {
    const { clientWidth, clientHeight } = this.#stage, picture = this.#scene?.picture;
    return picture ? Math.min(clientWidth / picture.width, clientHeight / picture.height) : 1;
  }

  /** Zooms so that what is at a point of the stage, from its centre, stays there. @param {number} by @param {number} [x] @param {number} [y] */
  #zoomBy(by, x = 0, y = 0) {
    const zoom = Math.min(Math.max(this.#zoom * by, 1), MOST), factor = zoom / this.#zoom;
    this.#zoom = zoom;
    this.#x = x + (this.#x - x) * factor;
    this.#y = y + (this.#y - y) * factor;
    this.#moveBy(0, 0);
  }

  /** Moves, not so far that the image leaves the stage. @param {number} x @param {number} y */
  #moveBy(x, y) {
    const picture = this.#scene?.picture, { clientWidth, clientHeight } = this.#stage;
    if (!picture) return;
    const scale = this.#fitted() * this.#zoom;
    const within = (/** @type {number} */ at, /** @type {number} */ side, /** @type {number} */ room) => {
      const most = Math.max((side * scale - room) / 2, 0);
      return Math.min(Math.max(at, -most), most);
    };
    this.#x = within(this.#x + x, picture.width, clientWidth);
    this.#y = within(this.#y + y, picture.height, clientHeight);
    this.draw();
  }

  /** @param {string} what */
  #do(what) {
    if (what === "close") this.#dialog.close();
    if (what === "previous") this.#host.step(-1);
    if (what === "next") this.#host.step(1);
    if (what === "in") this.#zoomBy(STEP);
    if (what === "out") this.#zoomBy(1 / STEP);
    if (what === "whole") {
      this.#zoom = 1;
      this.#x = this.#y = 0;
      this.draw();
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const does = { ArrowLeft: "previous", ArrowRight: "next", "+": "in", "=": "in", "-": "out", 0: "whole" };
    const views = { i: "image", o: "overlay", m: "map" };
    const { key } = event;
    if (event.shiftKey && Object.hasOwn(moves, key)) {
      const [x, y] = moves[/** @type {"ArrowLeft"} */ (key)];
      this.#moveBy(x, y);
    } else if (Object.hasOwn(does, key)) this.#do(does[/** @type {"+"} */ (key)]);
    else if (Object.hasOwn(views, key)) this.#host.view(views[/** @type {"i"} */ (key)]);
    else return;
    event.preventDefault();
  }

  #listen() {
    const stage = this.#stage, pointers = this.#pointers;
    const fromCentre = (/** @type {{ clientX: number, clientY: number }} */ { clientX, clientY }) => {
      const { left, top, width, height } = stage.getBoundingClientRect();
      return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
    };
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = fromCentre(event);
      this.#zoomBy(Math.exp(-event.deltaY / 400), x, y);
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => {
      const { x, y } = fromCentre(event);
      this.#zoom > 1 ? this.#do("whole") : this.#zoomBy(3, x, y);
    });
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, fromCentre(event));
    });
    stage.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId), now = fromCentre(event);
      if (!before) return;
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      pointers.set(event.pointerId, now);
      if (!other) return this.#moveBy(now.x - before.x, now.y - before.y);
      const apart = (/** @type {typeof now} */ at) => Math.max(Math.hypot(at.x - other.x, at.y - other.y), 1);
      this.#zoomBy(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
  }
}
