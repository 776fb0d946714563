/**
 * Tar archives: what they hold, and that reading ends whatever their headers say.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { readTar } from "../../src/formats/tar.ts";
import { latin1, tar } from "../data/cifar_files.ts";

const FILES = { "a.txt": latin1("first"), "b/c.bin": new Uint8Array(600).fill(7) };

function fail(found: string): never {
  throw new EvalError(found);
}

/** An archive whose first header has other text at a place, and the sum that goes with it. */
function withField(at: number, text: Uint8Array, archive = tar(FILES)): Uint8Array<ArrayBuffer> {
  const header = archive.subarray(0, 512);
  header.set(text, at);
  header.fill(0x20, 148, 156);
  header.set(latin1(header.reduce((a, b) => a + b).toString(8).padStart(6, "0") + "\0 "), 148);
  return archive;
}

Deno.test("files come back by their paths", async () => {
  deepEqual(Object.fromEntries(await readTar(tar(FILES), fail)), FILES);
  deepEqual([...(await readTar(new Uint8Array(1024), fail)).keys()], []);
});

Deno.test("a size is a whole number of octal digits, and nothing else", async () => {
  const kept = await readTar(withField(124, latin1("         5 \0")), fail);
  deepEqual([...kept.keys()], Object.keys(FILES));
  // The first takes the reader back to where it is, for ever.
  for (
    const size of ["-0000001000\0", "-0000000001\0", "0x000000005\0", "5.000000000\0", "\0\0\0\0", "        "]
  ) {
    await rejects(readTar(withField(124, latin1(size.padEnd(12, "\0"))), fail), {
      name: "EvalError",
      message: "a tar archive with a file whose size is no whole number",
    }, size);
  }
  const wide = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0); // the form for 8 GiB and more
  await rejects(readTar(withField(124, wide), fail), { name: "EvalError", message: /no whole number/ });
  await rejects(readTar(withField(124, latin1("77777777777\0")), fail), {
    name: "EvalError",
    message: /cut off/,
  });
});

Deno.test("whatever the headers say, an archive is read or refused", async () => {
  const field = fc.tuple(fc.nat(511), fc.uint8Array({ minLength: 1, maxLength: 12 }))
    .filter(([at, bytes]) => at + bytes.length <= 512);
  await fc.assert(
    fc.asyncProperty(field, async ([at, bytes]) => {
      try {
        await readTar(withField(at, bytes), fail);
      } catch (error) {
        equal((error as Error).name, "EvalError", String(error));
      }
    }),
    { numRuns: 500 },
  );
});
