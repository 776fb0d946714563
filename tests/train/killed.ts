/**
 * Trainings in processes of their own, killed at some moment.
 *
 * @module
 */
import { join } from "node:path";

/** Goes on with the run in `out` by child.ts, and kills it `delay` ms after its log, or ADTR's before, has grown. */
export async function killed(data: string, out: string, loss: string, delay: number): Promise<void> {
  const lengthOf = (log: string) => Deno.readTextFile(log).then((text) => text.split("\n").length, () => 0);
  const length = async () =>
    await lengthOf(join(out, "log.jsonl")) + await lengthOf(join(out, "adtr", "log.jsonl"));
  const begun = await length();
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(import.meta.dirname!, "child.ts"), data, out, loss],
    env: { NODEVICE_SELECT: "1" },
  }).spawn();
  let over = false;
  const status = child.status.then(() => over = true);
  while (!over && await length() <= begun) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, delay));
  if (!over) child.kill("SIGKILL");
  await status;
}
