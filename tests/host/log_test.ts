import { deepEqual, rejects } from "node:assert/strict";
import { appendLog, beginLog, epochLosses, readLog } from "../../src/host/log.ts";
import type { LogEntry } from "../../src/train/journal.ts";
import { inFolder } from "../folder.ts";

const entry = (step: number): LogEntry => ({
  step,
  epoch: Math.ceil(step / 2),
  loss: 1 / step,
  lr: 1e-4,
  grad_norm: 0.5,
});

Deno.test("entries are appended, cut at a step and read again", () =>
  inFolder(async (folder) => {
    const path = `${folder}/log.jsonl`;
    await beginLog(path, 0);
    await appendLog(path, [entry(1), entry(2)]);
    await appendLog(path, [entry(3)]);
    deepEqual(await readLog(path), [entry(1), entry(2), entry(3)]);
    await Deno.writeTextFile(path, '{"step":4,"ep', { append: true }); // killed while it was written
    await beginLog(path, 2);
    await appendLog(path, [entry(3)]);
    deepEqual(await readLog(path), [entry(1), entry(2), entry(3)]);
    await rejects(() => beginLog(path, 4), {
      name: "InputError",
      message: `Expected 4 steps in ${path}, but found 3`,
    });
    await beginLog(path, 0);
    deepEqual(await readLog(path), []);
  }));

Deno.test("a log that is none is refused by name", () =>
  inFolder(async (folder) => {
    for (const line of ["step 1", "null", "[]", '{"step":1,"loss":2}', '{"step":1,"epoch":"1","loss":2}']) {
      await Deno.writeTextFile(`${folder}/log.jsonl`, `${JSON.stringify(entry(1))}\n${line}\n`);
      await rejects(() => readLog(`${folder}/log.jsonl`), {
        name: "InputError",
        message: `Expected a step of a training in each line of ${folder}/log.jsonl, but found ${line}`,
      });
    }
    const missing = { name: "InputError", message: /^Can't (read|write) .*none\/log\.jsonl: No such file/ };
    await rejects(() => readLog(`${folder}/none/log.jsonl`), missing);
    await rejects(() => appendLog(`${folder}/none/log.jsonl`, [entry(1)]), missing);
  }));

Deno.test("an epoch's loss is the mean of its steps'", () => {
  deepEqual(epochLosses([entry(1), entry(2), entry(3)]), [0.75, 1 / 3]);
  deepEqual(epochLosses([]), []);
  deepEqual(epochLosses([entry(1), { ...entry(2), epoch: 2 ** 32 - 2 }]), [1, 0.5]); // no room for all between
});
