/**
 * A training in a process of its own, which tests kill: `child.ts DATA OUT LOSS` goes on with the run in OUT, if there
 * is one, and writes a checkpoint as often as it can.
 *
 * @module
 */
import { openCategory } from "../../src/host/dataset.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import { learn } from "../../src/train/learn.ts";
import { LONG, tinySource } from "./tiny.ts";

const [data, out, loss] = Deno.args;
const category = await openCategory(data, "grid");
const source = tinySource(await Gpu.open());
const settings = { ...LONG, loss }, journal = new RunFolder(out, true);
await learn({ source, category, settings, journal, checkpointSeconds: 0 });
Deno.exit();
