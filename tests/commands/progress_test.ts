/**
 * How progress looks on a terminal and elsewhere, with a clock that the test moves.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { clock, ProgressDisplay } from "../../src/commands/progress.ts";
import type { ProgressEvent } from "../../src/progress.ts";

/** What is written for events, each [milliseconds, event]. */
function show(
  events: [number, ProgressEvent][],
  { isTerminal = false, color = false, columns = 100, after = 0 } = {},
): string {
  let text = "", time = 0;
  const display = new ProgressDisplay({
    write: (piece) => text += piece,
    isTerminal,
    color,
    columns: () => columns,
    now: () => time,
  });
  for (const [at, event] of events) {
    time = at;
    display.onProgress(event);
  }
  time += after;
  display.finish();
  display.finish(); // ends nothing twice
  return text;
}

const images = (done: number, category = "bottle"): ProgressEvent => (
  { phase: "features", category, done, total: 60, unit: "images", images: done }
);
const step = (done: number, epoch: number, loss?: number): ProgressEvent => (
  {
    phase: "training",
    category: "bottle",
    done,
    total: 40,
    unit: "steps",
    images: done * 8,
    epoch,
    epochs: 4,
    loss,
  }
);

Deno.test("without a terminal there is a line a phase and a line an epoch", () => {
  const text = show([
    [0, images(0)],
    [1000, images(20)],
    [3000, images(60)],
    [3000, step(0, 0)],
    [3500, step(5, 0, 1)],
    [4000, step(10, 1, 0.5)],
    [4500, step(15, 1, 0.4)],
    [5000, step(20, 2, 0.25)],
    [8000, step(40, 4, 0.125)],
  ]);
  deepEqual(text.split("\n"), [
    "bottle: features, 60/60 images, 20 images/s, 0:03",
    "bottle: training, epoch 1/4, loss 0.5000, 80 images/s, 0:03 left",
    "bottle: training, epoch 2/4, loss 0.2500, 80 images/s, 0:02 left",
    "bottle: training, epoch 4/4, loss 0.1250, 64 images/s, 0:05",
    "",
  ]);
});

Deno.test("what comes after a phase's last event does not count as its time", () => {
  for (const isTerminal of [false, true]) {
    const text = show([[0, images(0)], [3000, images(60)]], { after: 9000, isTerminal });
    ok(/60\/60 images,? +20 images\/s,? +0:03\W+(K\n)?$/.test(text), text);
  }
});

Deno.test("time left is reckoned from where a run went on", () => {
  const text = show([[0, { ...step(20, 2), images: 0 }], [1000, { ...step(30, 3), images: 80 }]]);
  equal(text.split("\n")[1], "bottle: training, epoch 3/4, 80 images/s, 0:01 left");
});

Deno.test("a terminal's line is redrawn ten times a second at most, and stays when its phase ends", () => {
  const text = show([
    [0, images(0)],
    [50, images(10)],
    [99, images(20)],
    [100, images(30)],
    [120, images(60)],
    [130, images(0, "weave")],
  ], { isTerminal: true });
  const drawn = text.split("\r").slice(1);
  deepEqual(drawn.map((line) => line.match(/\d+\/60/)?.[0]), ["0/60", "30/60", "60/60", "0/60", "0/60"]);
  deepEqual(drawn.map((line) => line.endsWith("\x1b[K\n")), [false, false, true, false, true]);
  equal(drawn[1], "bottle: features  ━━━━━━━━━━━━────────────  30/60 images  300 images/s  0:00 left\x1b[K");
});

Deno.test("a line never reaches a terminal's edge", () => {
  for (const columns of [1, 10, 25, 60]) {
    const text = show([[0, images(0)], [1000, images(60)]], { isTerminal: true, columns });
    for (const line of text.split("\r").slice(1)) {
      ok(line.replace("\x1b[K", "").trimEnd().length < columns, line);
    }
  }
});

Deno.test("colour only where it is wanted, and it changes nothing else", () => {
  const events: [number, ProgressEvent][] = [[0, images(0)], [1000, images(30)]];
  const plain = show(events, { isTerminal: true });
  const colored = show(events, { isTerminal: true, color: true });
  ok(colored.includes("\x1b[36m━━━━━━━━━━━━\x1b[0m────────────"));
  equal(colored.replaceAll("\x1b[36m", "").replaceAll("\x1b[0m", ""), plain);
});

Deno.test("times read as a clock", () => {
  deepEqual([0, 7.4, 59.6, 754, 3723].map(clock), ["0:00", "0:07", "1:00", "12:34", "1:02:03"]);
});
