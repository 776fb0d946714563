// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The images, filtered and in order, with what is shown of each.
 *
 * @module
 */
import { commonFolder, isMistake, matching, ordered, verdictOf } from "./decide.js";
import { all, byId, element, shownScore } from "./dom.js";
import { drawScene, Scenes } from "./scene.js";
import { Viewer } from "./viewer.js";

/** @import { ReportData, ReportImage } from "../report_input.ts" */
/** @import { Order } from "./decide.js" */
/** @import { Shown } from "./scene.js" */
/** @typedef {{ image: ReportImage, figure: HTMLElement, canvas: HTMLCanvasElement | null, badge: HTMLElement }} Card */

/** How many are shown at first, and more each time. */
const AT_ONCE = 60;
/** Longest side of a card's drawing, pixels: sharp where a card is half of that wide. */
const SIDE = 512;

export class Gallery {
  #images;
  #scenes;
  #viewer;
  #folder;
  #threshold;
  /** @type {Map<ReportImage, Card>} */
  #cards = new Map();
  /** Those that the filter lets through, in order. @type {ReportImage[]} */
  #found = [];
  #most = AT_ONCE;
  /** @type {ReportImage | null} */
  #open = null;

  /** @param {ReportData} data @param {number} threshold */
  constructor(data, threshold) {
    this.#images = data.images;
    this.#threshold = threshold;
    this.#scenes = new Scenes(data);
    this.#folder = commonFolder(data.images.map(({ path }) => path));
    this.#viewer = new Viewer(this.#scenes, {
      shown: () => this.#shown(),
      view: (name) => {
        for (const input of all(`input[name=view][value=${name}]`)) {
          /** @type {HTMLInputElement} */ (input).checked = true;
        }
        this.#redraw();
      },
      step: (by) => this.#step(by),
      text: (image) => this.#text(image),
    });
    if (this.#folder !== "") byId("folder").textContent = `Paths are below ${this.#folder}`;
    const tools = /** @type {HTMLFormElement} */ (byId("tools"));
    tools.hidden = false;
    tools.addEventListener("submit", (event) => event.preventDefault());
    for (const id of ["find", "verdict", "label", "kind", "order"]) {
      byId(id).addEventListener("input", () => {
        this.#most = AT_ONCE;
        this.#arrange();
      });
    }
    for (const input of all("#tools [name=view], #tools [type=checkbox], #opacity")) {
      input.addEventListener("input", () => this.#redraw());
    }
    byId("more").addEventListener("click", () => {
      this.#most += AT_ONCE;
      const first = this.#found[this.#most - AT_ONCE];
      this.#arrange();
      this.#cards.get(first)?.figure.querySelector("button")?.focus();
    });
    this.#arrange();
  }

  /** @param {number} threshold @param {import("./threshold.js").Stage} stage */
  setThreshold(threshold, stage) {
    this.#threshold = threshold;
    for (const { image, badge } of this.#cards.values()) this.#mark(image, badge);
    if (this.#open) this.#viewer.describe(this.#open);
    if (stage === "moved") this.#arrange(); // nothing jumps about while it moves
  }

  /** Puts the cards in their places. */
  #arrange() {
    const value = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id)).value;
    const filter = {
      text: value("find"),
      verdict: value("verdict"),
      label: value("label"),
      kind: value("kind"),
    };
    const order = /** @type {Order} */ (value("order"));
    this.#found = ordered(matching(this.#images, filter, this.#threshold), order, this.#threshold);
    const cards = this.#found.slice(0, this.#most).map((image) => this.#cardOf(image).figure);
    const focused = document.activeElement;
    byId("gallery").replaceChildren(...cards);
    if (focused instanceof HTMLElement && byId("gallery").contains(focused)) focused.focus();
    byId("more").hidden = this.#found.length <= this.#most;
    this.#count();
  }

  #count() {
    const verdicts = this.#found.map((image) => verdictOf(image, this.#threshold));
    const count = (/** @type {string} */ name) => verdicts.filter((verdict) => verdict === name).length;
    const missed = count("missed"), alarms = count("false alarm");
    byId("count").textContent =
      `${this.#found.length} of ${this.#images.length} images: ${missed} missed, ${alarms} ` +
      `false alarm${alarms === 1 ? "" : "s"}, ${count("found")} found, ${count("passed")} passed`;
  }

  /** @param {ReportImage} image */
  #cardOf(image) {
    const known = this.#cards.get(image) ?? this.#makeCard(image);
    this.#cards.set(image, known);
    return known;
  }

  /** @param {ReportImage} image @returns {Card} */
  #makeCard(image) {
    const { picture } = image, name = image.path.slice(this.#folder.length);
    const badge = element("span", { class: "badge" });
    this.#mark(image, badge);
    const caption = element(
      "figcaption",
      {},
      badge,
      element("span", { class: "score" }, ` ${shownScore(image.score)} `),
      element("span", { class: "quiet" }, this.#kindOf(image)),
      element("span", { class: "path", title: image.path }, name),
    );
    if (picture === null) return { image, figure: element("figure", {}, caption), canvas: null, badge };
    const scale = SIDE / Math.max(picture.width, picture.height);
    const canvas = element("canvas", {
      width: String(Math.max(Math.round(picture.width * scale), 1)),
      height: String(Math.max(Math.round(picture.height * scale), 1)),
    });
    const button = element(
      "button",
      { type: "button", class: "picture", "aria-label": `Look at ${name}` },
      canvas,
    );
    button.addEventListener("click", () => this.#look(image));
    const card = { image, figure: element("figure", {}, button, caption), canvas, badge };
    this.#draw(card);
    return card;
  }

  /** @param {ReportImage} image @param {HTMLElement} badge */
  #mark(image, badge) {
    const verdict = verdictOf(image, this.#threshold);
    badge.textContent = verdict;
    badge.classList.toggle("wrong", isMistake(verdict));
  }

  /** @param {ReportImage} image */
  #kindOf({ label, kind }) {
    return label === 1 ? kind ?? "anomalous" : "normal";
  }

  /** @param {ReportImage} image */
  #text(image) {
    const normalised = image.normalised === null ? "" : ` (normalised ${image.normalised.toFixed(3)})`;
    return `${verdictOf(image, this.#threshold)}: ${this.#kindOf(image)}, score ${
      shownScore(image.score)
    }${normalised}, ` +
      `threshold ${shownScore(this.#threshold)}`;
  }

  /** @param {Card} card */
  async #draw({ image: { picture }, canvas }) {
    if (picture === null || canvas === null) return;
    const scene = await this.#scenes.of(picture), context = canvas.getContext("2d");
    if (context) {
      drawScene(context, scene, this.#shown(), { x: 0, y: 0, scale: canvas.width / picture.width }, 2.5);
    }
  }

  #redraw() {
    for (const card of this.#cards.values()) this.#draw(card);
    this.#viewer.draw();
  }

  /** @returns {Shown} */
  #shown() {
    const checked = (/** @type {string} */ id) =>
      /** @type {HTMLInputElement | null} */ (document.getElementById(id))?.checked ?? false;
    const view = /** @type {HTMLInputElement | null} */ (document.querySelector("input[name=view]:checked"));
    const opacity = /** @type {HTMLInputElement | null} */ (document.getElementById("opacity"));
    return {
      view: view?.value ?? "image",
      opacity: Number(opacity?.value ?? 0) / 100,
      outline: checked("show-outline"),
      boxes: checked("show-boxes"),
      mask: checked("show-mask"),
    };
  }

  /** @param {ReportImage} image */
  #look(image) {
    this.#open = image;
    this.#viewer.open(image);
  }

  /** To the next image that has a picture. @param {number} by 1 or -1 */
  #step(by) {
    const some = this.#found.filter(({ picture }) => picture !== null);
    const at = this.#open ? some.indexOf(this.#open) : -1;
    if (some.length > 0) this.#look(some[(at + by + some.length) % some.length]);
  }
}
