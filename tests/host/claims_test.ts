/**
 * Claims of folders: one program has each, whoever else comes at the same moment; the dead are followed, the living are not,
 * and who was only thought dead finds out.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { type Claim, Claims } from "../../src/host/claims.ts";
import { inFolder } from "../folder.ts";

const NEVER = 1e9, SOON = 60;
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const test = (name: string, body: (folder: string) => Promise<void>) => Deno.test(name, () => inFolder(body));
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
/** Claims of a machine, that give no sign of life unless asked to. */
const on = (machine: string, lease = NEVER, beat = NEVER) => new Claims({ machine, lease, beat });
const lose = (claim: Claim) => equal(claim.isLost(), true);

/** All at once. @returns the only one that got it */
async function only(takes: Promise<Claim | null>[]): Promise<Claim> {
  const got = (await Promise.all(takes)).filter((claim) => claim !== null);
  equal(got.length, 1);
  return got[0];
}

test("of many that come at once one gets it, twenty times", async (folder) => {
  for (let i = 0; i < 20; i++) {
    const path = join(folder, String(i));
    await Deno.mkdir(path);
    const all = Array.from({ length: 8 }, (_, i) => on(`m${i % 4}`));
    using claim = await only(all.map((claims) => claims.take(path, false)));
    for (const claims of all) equal(await claims.take(path, false), null);
    equal(claim.isLost(), false);
    await claim.finish();
    deepEqual(namesIn(path), []);
  }
});

test("who was dead is followed by one, after the lease; who only seemed so finds out and writes no more", async (folder) => {
  using first = (await on("a").take(folder, false))!;
  // Files' times say nothing, however wrong a clock goes.
  await Deno.utime(join(folder, ".claim-1"), new Date(Date.now() + 1e9), new Date(Date.now() + 1e9));
  const others = Array.from({ length: 8 }, (_, i) => on(`b${i}`, SOON));
  for (const claims of others) equal(await claims.take(folder, true), null);
  equal(first.isLost(), false);
  let waits = 0;
  await others[0].known(folder, new AbortController().signal, () => waits++);
  equal(waits, 1);
  await wait(SOON);
  using second = await only(others.map((claims) => claims.take(folder, true)));
  deepEqual(namesIn(folder), [".claim-1", ".claim-2"]);
  lose(first);
  ok(first.signal.aborted);
  throws(() => first.require(), {
    name: "InputError",
    message: /^Expected to work in .*, but found that another run/,
  });
  second.require();
  first[Symbol.dispose](); // leaves the second's alone
  equal(await on("c").take(folder, true), null);
  equal(second.isLost(), false);
  await second.finish();
  deepEqual(namesIn(folder), []);
});

test("who is followed finds out by either sign, and by the end of the work", async (folder) => {
  for (const sign of ["next", "mark", "gone"]) {
    const path = join(folder, sign);
    await Deno.mkdir(path);
    using claim = (await on("a").take(path, false))!;
    equal(claim.isLost(), false);
    const own = join(path, ".claim-1"), text = await Deno.readTextFile(own);
    if (sign === "next") await Deno.writeTextFile(join(path, ".claim-2"), "");
    else if (sign === "mark") await Deno.writeTextFile(own, text.replace(/\n0 {11}\n$/, "\nreleased    \n"));
    else await Deno.remove(own);
    lose(claim);
  }
});

test("who shows that it lives is not followed, whatever the file's time says", async (folder) => {
  using claim = (await on("a", NEVER, 40).take(folder, false))!;
  const other = on("b", 10_000), path = join(folder, ".claim-1"), before = await Deno.readTextFile(path);
  equal(await other.take(folder, true), null);
  await Deno.utime(path, new Date(0), new Date(0));
  await other.known(folder, new AbortController().signal, () => {}); // a sign comes
  equal(await other.take(folder, true), null);
  ok(await Deno.readTextFile(path) !== before);
  equal(claim.isLost(), false);
  await Deno.utime(path, new Date(0), new Date(0));
  equal(await other.take(folder, true), null);
});

test("what was let go, or left by this machine's dead, is free at once; of a claim half made nobody knows", async (folder) => {
  (await on("a").take(folder, false))![Symbol.dispose]();
  using second = (await on("b").take(folder, false))!; // as if killed, until the end
  equal(await on("b").take(folder, false), null, "without a lock nobody knows");
  equal(await on("c").take(folder, true), null);
  using third = (await on("b").take(folder, true))!;
  lose(second);
  equal(third.isLost(), false);
  deepEqual(namesIn(folder), [".claim-1", ".claim-2", ".claim-3"]);
  for (const text of ["", "{", "null\n0", '{"machine":3}\n0           \n', "\n\n"]) {
    await Deno.writeTextFile(join(folder, ".claim-4"), text);
    const claims = on("b", SOON);
    equal(await claims.take(folder, true), null, text);
    await wait(SOON + 1);
    const claim = (await claims.take(folder, true))!;
    claim[Symbol.dispose]();
    await Deno.remove(join(folder, ".claim-5"));
  }
  lose(third);
});

test("a stop ends the waiting, and a folder that is gone is nobody's", async (folder) => {
  using _claim = await on("a").take(folder, false);
  const other = on("b"), stop = new AbortController();
  equal(await other.take(folder, false), null);
  await other.known(folder, stop.signal, () => stop.abort());
  ok(stop.signal.aborted);
  equal(await other.take(join(folder, "gone"), false), null);
  equal(await other.known(join(folder, "gone"), stop.signal, () => {}), undefined);
});
