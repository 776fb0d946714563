// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The inspection page: opens what scores, and joins what is done on the page with what is shown on it.
 *
 * @module
 */
import { prepareCamera, stamp } from "./camera.js";
import { beforeNextFrame, get } from "./dom.js";
import { chosen, dropped, save } from "./files.js";
import { prepareKeys } from "./keys.js";
import { List } from "./list.js";
import { openScorer } from "./scorer.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { sessionCsv, sessionJson } from "./tables.js";
import { drawHistogram, endsOf, ThresholdControl } from "./thresholds.js";
import { countsInWords, rowOf, showVerdict, spoken } from "./verdict.js";
import { Work } from "./work.js";

/** @import { Scorer } from "./types.js" */
/** @import { Entry } from "./session.js" */

/** Tells those who hear the page. @param {string} text */
const say = (text) => get("said").textContent = text;

/** Says what is wrong with the page as a whole. @param {string | null} text */
function tellTrouble(text) {
  const trouble = get("trouble");
  trouble.hidden = text === null;
  trouble.textContent = text;
}

/** @param {string} why @returns {Promise<string | null>} */
function askToken(why) {
  const dialog = get("token", HTMLDialogElement), text = get("token-text", HTMLInputElement);
  get("token-why").textContent = why;
  text.value = "";
  dialog.returnValue = "leave"; // what Esc leaves it at
  dialog.showModal();
  return new Promise((resolve) => {
    const onClose = () => resolve(dialog.returnValue === "use" && text.value !== "" ? text.value : null);
    dialog.addEventListener("close", onClose, { once: true });
  });
}

/** @param {Scorer} scorer @param {Uint8Array} colours of maps */
function run(scorer, colours) {
  const model = get("model", HTMLSelectElement), search = get("search", HTMLInputElement);
  const filter = get("filter", HTMLSelectElement), sort = get("sort", HTMLSelectElement);
  const session = new Session(scorer.models), work = new Work(scorer, session, onResult);
  const stage = new Stage(colours, session, scorer);
  const list = new List(get("list"), get("rows"), (entry) => rowOf(session, entry), look);
  /** Brings all that is seen up to date, before the next frame. */
  const refresh = beforeNextFrame(() => draw());
  const threshold = new ThresholdControl("threshold", (value) => {
    session.setThreshold(model.value, value);
    refresh();
  });
  const pixel = new ThresholdControl("pixel", (value) => {
    session.setPixelThreshold(model.value, value);
    refresh();
  });
  /** @type {Entry | null} */
  let current = null;
  let unsaved = false;

  /** Shows an image. @param {Entry | null} entry */
  async function look(entry) {
    current = entry;
    refresh();
    if (entry && document.activeElement !== get("list")) say(spoken(session, entry)); // there, the list tells it
    if (
      entry?.scored && session.model(entry.model).maps && !entry.scored.map && entry.file &&
      entry.state === "done"
    ) {
      work.add([entry], true); // the map is not kept any more
    } else if (entry) session.use(entry);
    await stage.show(entry);
    refresh();
  }

  /** @param {Entry} entry */
  function onResult(entry) {
    if (entry.state === "done" || entry.state === "failed") unsaved = true;
    if (!work.busy && work.total > 1) {
      say(`${work.done} images done. ${countsInWords(session.counts(model.value))}`);
    } else if (entry === current && entry.state !== "scoring") say(spoken(session, entry));
    refresh();
  }

  function draw() {
    const { maps, decision } = session.model(model.value), scores = session.scores(model.value);
    const listed = session.list({ show: filter.value, sort: sort.value, search: search.value });
    if (current) session.findRegions(current);
    list.show(listed);
    get("list-empty").hidden = listed.length > 0;
    get("list-empty").textContent = session.entries.length === 0
      ? "What is scored is listed here."
      : "No image is like that.";
    get("history-title").textContent = listed.length === session.entries.length
      ? `Session (${listed.length})`
      : `Session (${listed.length} of ${session.entries.length})`;
    const value = session.threshold(model.value), ends = endsOf([...scores, value, decision.image?.value]);
    threshold.show(ends, value, decision.image);
    drawHistogram(scores, ends, value);
    get("counts").textContent = countsInWords(session.counts(model.value));
    const range = session.colours(model.value).range(null), at = session.pixelThreshold(model.value);
    get("pixel-part").hidden = !maps;
    pixel.show(
      endsOf([...(scores.length > 0 ? [range.low, range.high] : []), at, decision.pixel?.value]),
      at,
      decision.pixel,
    );
    showVerdict(session, current, model.value, stage.visible);
    stage.refresh();
    get("canvas").ariaLabel = current ? spoken(session, current) : "No image";
    get("progress").hidden = !work.busy;
    get("progress-bar", HTMLProgressElement).max = work.total;
    get("progress-bar", HTMLProgressElement).value = work.done;
    get("progress-text").textContent = `${work.done} of ${work.total}`;
    for (const id of ["save-csv", "save-json", "clear"]) {
      get(id, HTMLButtonElement).disabled = session.entries.length === 0;
    }
    get("save-view", HTMLButtonElement).disabled = current === null;
  }

  /** @param {{ found: readonly { name: string, file: Blob }[], left: number }} files @param {boolean} [taken] by the camera */
  function add({ found, left }, taken = false) {
    const entries = found.map(({ file, name }) => session.add(file, name, model.value, taken));
    const others = left > 0
      ? `; ${left} ${left === 1 ? "file that is no image was" : "files that are no images were"} left out`
      : "";
    tellTrouble(left > 0 || entries.length === 0 ? `${entries.length} images added${others}.` : null);
    if (entries.length > 1 || left > 0) say(`${entries.length} images added${others}`);
    work.add(entries);
    draw(); // so that the list has them
    if (entries.length > 0) list.choose(entries[0]);
  }

  /** Saves the session. @param {(of: Session) => string} written @param {string} type @param {string} ending */
  function saveSession(written, type, ending) {
    if (session.entries.length === 0) return;
    save(new Blob([written(session)], { type }), `inspection-${stamp()}.${ending}`);
    unsaved = false;
    say("Saved");
  }

  async function saveView() {
    const picture = await stage.png();
    if (picture && current) {
      save(picture, `${(current.name.split("/").at(-1) ?? "").replace(/\.\w+$/, "")}-view.png`);
    }
  }

  function again() {
    if (!current?.file || current.state === "waiting" || current.state === "scoring") return;
    if (current.model !== model.value) {
      Object.assign(current, { model: model.value, scored: null, found: null });
    }
    current.error = null;
    work.add([current], true);
    refresh();
  }

  function clear() {
    if (
      session.entries.length === 0 || !confirm(`Clear the ${session.entries.length} images of this session?`)
    ) return;
    work.stop();
    session.clear();
    unsaved = false;
    list.choose(null);
    look(null);
  }

  model.replaceChildren(...scorer.models.map(({ name }) => new Option(name)));
  model.disabled = scorer.models.length < 2;
  get("where").textContent = scorer.where;
  get("privacy").textContent = scorer.privacy;
  for (const control of [model, filter, sort, search]) control.addEventListener("input", refresh);

  for (const [button, input] of [["open-files", "files"], ["open-folder", "folder"]]) {
    const files = get(input, HTMLInputElement);
    get(button).addEventListener("click", () => files.click());
    files.addEventListener("change", () => {
      add(
        input === "folder"
          ? chosen(files.files ?? [])
          : { found: [...files.files ?? []].map((file) => ({ file, name: file.name })), left: 0 },
      );
      files.value = ""; // the same may be chosen again
    });
  }
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    get("scene").classList.add("over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) get("scene").classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    get("scene").classList.remove("over");
    if (!event.dataTransfer) return;
    try {
      add(await dropped(event.dataTransfer));
    } catch (error) {
      tellTrouble(`What was dropped can’t be read: ${/** @type {Error} */ (error).message}`);
    }
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    const files = [...clipboardData?.files ?? []];
    if (files.length > 0) add({ found: files.map((file) => ({ file, name: file.name })), left: 0 });
  });
  prepareCamera((file, name) => add({ found: [{ file, name }], left: 0 }, true));

  get("again").addEventListener("click", again);
  get("stop").addEventListener("click", () => work.stop());
  get("clear").addEventListener("click", clear);
  get("save-csv").addEventListener("click", () => saveSession(sessionCsv, "text/csv", "csv"));
  get("save-json").addEventListener("click", () => saveSession(sessionJson, "application/json", "json"));
  get("save-view").addEventListener("click", saveView);
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault(); // the browser asks
  });
  prepareKeys({ list, threshold, pixel });
  draw();
}

/** Opens what scores, and goes to work. */
async function start() {
  const where = get("where");
  where.textContent = "Starting …";
  try {
    const [scorer, { colours }] = await Promise.all([
      openScorer(askToken, (what) => where.textContent = what),
      fetch("colours.json").then((response) => response.json()),
    ]);
    run(scorer, Uint8Array.from(colours));
    document.body.dataset.ready = "";
  } catch (error) {
    where.textContent = "";
    tellTrouble(/** @type {Error} */ (error).message);
  }
}

await start();
