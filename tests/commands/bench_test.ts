/**
 * `adtr bench` as its user meets it.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";

const CLI = join(import.meta.dirname!, "..", "..", "cli.ts");

async function adtr(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, ...args],
    env: { NO_COLOR: "1", NODEVICE_SELECT: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("bench --json prints rows on stdout and progress on stderr", async () => {
  const { code, stdout, stderr } = await adtr("bench", "--json", "--only", "^gemm 4096x256x256");
  equal(code, 0, stderr);
  const [row, ...others] = JSON.parse(stdout);
  deepEqual(others, []);
  deepEqual(Object.keys(row), ["name", "shape", "note", "ms", "gflops", "fraction"]);
  equal(row.name, "gemm");
  equal(row.shape, "4096x256x256");
  ok(row.ms > 0 && row.gflops > 0 && row.fraction > 0 && row.fraction < 1);
  match(stderr, /^1\/3 ceilings\n2\/3 gemm 4096x256x256\n3\/3 ceilings again\n$/);
});

Deno.test("bench refuses a pattern that is none, and one that nothing matches", async () => {
  const wrong = await adtr("bench", "--only", "(");
  deepEqual([wrong.code, wrong.stdout], [2, ""]);
  match(wrong.stderr, /^error: Expected --only to be a regular expression, but found \(\n$/);
  const none = await adtr("bench", "--only", "nosuch");
  deepEqual([none.code, none.stdout], [1, ""]);
  match(none.stderr, /^error: Expected rows that match nosuch, but found none\n$/);
});
