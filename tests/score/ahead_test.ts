import { deepEqual } from "node:assert/strict";
import { ahead } from "../../src/score/ahead.ts";

Deno.test("looking ahead asks for some more, keeps their order, and lets all go where none may be held back", async () => {
  const log: string[] = [];
  async function* all(): AsyncGenerator<number> {
    for (const i of [1, 2, 3, 4, 50, 6, 7]) {
      log.push(`?${i}`);
      yield await Promise.resolve(i);
    }
  }
  for await (const i of ahead(all(), (i) => i < 10 ? 2 : 0)) log.push(`${i}`);
  deepEqual(log.join(" "), "?1 ?2 ?3 1 ?4 2 ?50 3 4 50 ?6 ?7 6 7");
});
