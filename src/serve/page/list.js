// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The session's list. Only rows in sight are there, so that thousands cost no more than ten; the one that is chosen is always
 * among them, for those who hear the page.
 *
 * @module
 */
import { beforeNextFrame } from "./dom.js";

/** @import { Entry } from "./session.js" */
/** @typedef {{ thumbnail: string | null, name: string, detail: string, kind: string, label: string }} Row kind: a class of page.css */

/** Rows beyond what is in sight, at either end, and a row's height as page.css has it, rem. */
const MORE = 4, HEIGHT = 4;

export class List {
  /** @type {readonly Entry[]} */
  #entries = [];
  /** @type {Entry | null} */
  #chosen = null;
  #box;
  #rows;
  #describe;
  #onChoose;
  /** Draws what is in sight, before the next frame. */
  update = beforeNextFrame(() => this.#draw());

  /**
   * @param {HTMLElement} box scrolls; a listbox @param {HTMLElement} rows as high as all rows
   * @param {(entry: Entry) => Row} describe @param {(entry: Entry) => void} onChoose
   */
  constructor(box, rows, describe, onChoose) {
    this.#box = box;
    this.#rows = rows;
    this.#describe = describe;
    this.#onChoose = onChoose;
    box.addEventListener("scroll", () => this.update());
    new ResizeObserver(() => this.update()).observe(box);
    box.addEventListener("keydown", (event) => this.#onKey(event));
    rows.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest("[role=option]") : null;
      const entry = this.#entries.find(({ id }) => row?.id === `entry-${id}`);
      if (entry) this.choose(entry);
    });
  }

  /** @param {readonly Entry[]} entries */
  show(entries) {
    this.#entries = entries;
    this.update();
  }

  /** @param {Entry | null} entry @param {boolean} [tell] whether `onChoose` is called */
  choose(entry, tell = true) {
    this.#chosen = entry;
    const at = entry ? this.#entries.indexOf(entry) : -1, height = this.#rowHeight();
    if (at >= 0) {
      const { scrollTop, clientHeight } = this.#box;
      if (at * height < scrollTop) this.#box.scrollTop = at * height;
      else if ((at + 1) * height > scrollTop + clientHeight) {
        this.#box.scrollTop = (at + 1) * height - clientHeight;
      }
    }
    this.update();
    if (entry && tell) this.#onChoose(entry);
  }

  /** Goes some rows on, or back. @param {number} by */
  step(by) {
    if (this.#entries.length === 0) return;
    const at = this.#chosen ? this.#entries.indexOf(this.#chosen) : -1;
    const to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), this.#entries.length - 1);
    if (to !== at) this.choose(this.#entries[to]);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const page = Math.max(Math.floor(this.#box.clientHeight / this.#rowHeight()) - 1, 1),
      all = this.#entries.length;
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -all, End: all };
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    this.step(steps[event.key]);
  }

  #rowHeight() {
    return HEIGHT * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  #draw() {
    const height = this.#rowHeight(), { scrollTop, clientHeight } = this.#box, all = this.#entries;
    const first = Math.max(Math.floor(scrollTop / height) - MORE, 0);
    const last = Math.min(Math.ceil((scrollTop + clientHeight) / height) + MORE, all.length);
    const places = Array.from({ length: Math.max(last - first, 0) }, (_, i) => first + i);
    const chosen = this.#chosen ? all.indexOf(this.#chosen) : -1;
    if (chosen >= 0 && chosen < first) places.unshift(chosen);
    if (chosen >= last) places.push(chosen);
    const old = new Map([...this.#rows.children].map((row) => [row.id, /** @type {HTMLElement} */ (row)]));
    const rows = places.map((at) => {
      const entry = all[at], id = `entry-${entry.id}`, row = old.get(id) ?? newRow(id);
      row.style.top = `${at * height}px`;
      fill(row, this.#describe(entry));
      row.ariaSelected = String(entry === this.#chosen);
      row.ariaPosInSet = String(at + 1);
      row.ariaSetSize = String(all.length);
      return row;
    });
    this.#rows.style.height = `${all.length * height}px`;
    if (rows.length !== old.size || rows.some((row, i) => row !== this.#rows.children[i])) {
      this.#rows.replaceChildren(...rows);
    }
    if (this.#chosen && chosen >= 0) {
      this.#box.setAttribute("aria-activedescendant", `entry-${this.#chosen.id}`);
    } else this.#box.removeAttribute("aria-activedescendant");
  }
}

/** @param {string} id */
function newRow(id) {
  const row = document.createElement("div"), picture = document.createElement("img");
  row.id = id;
  row.role = "option";
  picture.alt = "";
  const parts = ["name", "detail", "badge"].map((name) => {
    const part = document.createElement("span");
    part.className = name;
    return part;
  });
  row.append(picture, ...parts);
  return row;
}

/** @param {HTMLElement} row @param {Row} content */
function fill(row, { thumbnail, name, detail, kind, label }) {
  row.className = `row ${kind}`;
  const [picture, ...parts] = /** @type {[HTMLImageElement, ...HTMLElement[]]} */ ([...row.children]);
  picture.hidden = thumbnail === null;
  if (thumbnail !== null && picture.getAttribute("src") !== thumbnail) picture.src = thumbnail;
  [name, detail, label].forEach((text, i) => {
    if (parts[i].textContent !== text) parts[i].textContent = text;
  });
  row.title = name;
}
