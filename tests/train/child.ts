/**
 * A training in a process of its own, which tests kill: `child.ts DATA OUT LOSS` goes on with the run in OUT, if there
 * is one, and writes a checkpoint as often as it can.
 *
 * @module
 */
import { openCategory } from "../../src/host/dataset.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Settings } from "../../src/train/settings.ts";
import { trainCategory } from "../../src/train/train.ts";
import { LONG, tinySource } from "./tiny.ts";

const [data, out, loss] = Deno.args;
const category = await openCategory(data, "grid");
const source = tinySource(await Gpu.open());
const settings: Settings = { ...LONG, loss: loss as Settings["loss"] };
await trainCategory({ source, category, settings, out, resume: true, checkpointSeconds: 0 });
Deno.exit();
