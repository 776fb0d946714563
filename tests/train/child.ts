/**
 * A training in a process of its own, which tests kill: `child.ts DATA OUT` goes on with the run in OUT, if there is
 * one, and writes a checkpoint as often as it can.
 *
 * @module
 */
import { openCategory } from "../../src/data/dataset.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { trainCategory } from "../../src/train/train.ts";
import { LONG, tinySource } from "./tiny.ts";

const [data, out] = Deno.args;
const category = await openCategory(data, "grid");
const source = tinySource(await Gpu.open());
await trainCategory({ source, category, settings: LONG, out, resume: true, checkpointSeconds: 0 });
Deno.exit();
