/**
 * Fetching weights, from a server on this machine.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { download } from "../../src/host/download.ts";
import { fetchWeights, knownWeights, knownWeightsNamed } from "../../src/host/known_weights.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";

const content = new Uint8Array(fill("content", 100_000).buffer);
const sha256 = createHash("sha256").update(content).digest("hex");

/** Runs `test` with the address of a server and a folder, which has to be as empty afterwards as `test` says. */
async function served(
  handler: (request: Request) => Response,
  test: (url: string, path: string) => Promise<void>,
  left: string[] = [],
): Promise<void> {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  await inFolder(async (folder) => {
    await test(`http://127.0.0.1:${server.addr.port}/weights.pth`, `${folder}/w.pth`);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), left);
  });
}

Deno.test("a file is downloaded once, and its hash or the hash's beginning checked", async () => {
  let requests = 0;
  const handler = () => {
    requests++;
    return new Response(content, { headers: { "content-length": `${content.length}` } });
  };
  await served(handler, async (url, path) => {
    const seen: [number, number | undefined][] = [];
    const onProgress = (done: number, total: number | undefined) => seen.push([done, total]);
    const result = await download(url, path, sha256.slice(0, 8), { onProgress });
    assert.deepEqual(result, { path, sha256, fetched: true });
    assert.deepEqual(await Deno.readFile(path), content);
    assert.deepEqual(seen.at(-1), [content.length, content.length]);
    assert(seen.every(([done], i) => i === 0 || done > seen[i - 1][0]));
    assert.deepEqual(await download(url, path, sha256), { path, sha256, fetched: false });
    assert.equal(requests, 1);
  }, ["w.pth"]);
});

Deno.test("a file with another hash is thrown away", async () => {
  await served(() => new Response(content), async (url, path) => {
    const message = new RegExp(`SHA-256 6ed6700e of ${url}, but found ${sha256}; nothing was written$`);
    await assert.rejects(() => fetchWeights("lukemelas", path, { url }), { name: "InputError", message });
  });
});

Deno.test("another file in its place stays", async () => {
  await served(() => new Response(content), async (url, path) => {
    await Deno.writeTextFile(path, "mine");
    const message = /no other file at .*\/w.pth, but found one with SHA-256 [0-9a-f]{64}, not /;
    await assert.rejects(() => download(url, path, sha256), { name: "InputError", message });
    assert.equal(await Deno.readTextFile(path), "mine");
  }, ["w.pth"]);
});

Deno.test("no hash, or hardly any, is no hash that a file could have", async () => {
  await served(() => new Response(content), async (url, path) => {
    for (const none of ["", sha256.slice(0, 7), sha256.toUpperCase(), `${sha256}0`]) {
      await assert.rejects(() => download(url, path, none), {
        name: "RangeError",
        message: `Expected 8 to 64 hexadecimal digits of a SHA-256, but found "${none}"`,
      });
    }
    await Deno.writeFile(path, content);
    await assert.rejects(() => download(url, path, ""), { name: "RangeError" });
  }, ["w.pth"]);
});

Deno.test("a refusal of the server's is told", async () => {
  await served(() => new Response("gone", { status: 404 }), async (url, path) => {
    const message = `Can't download ${url}: the server answered 404 Not Found`;
    await assert.rejects(() => download(url, path, sha256), { name: "InputError", message });
  });
});

Deno.test("a body cut off is told, and no server too", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const answer = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegin"));
  })();
  await inFolder(async (folder) => {
    const cut = {
      name: "InputError",
      message: `Can't download ${url}: the connection broke after 5 of 1000 bytes`,
    };
    await assert.rejects(() => download(url, `${folder}/w`, sha256), cut);
    await answer;
    listener.close();
    const nobody = { name: "InputError", message: `Can't download ${url}: Connection refused` };
    await assert.rejects(() => download(url, `${folder}/w`, sha256), nobody);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("a download can be ended, and a folder that is missing is told", async () => {
  await served(() => new Response(content), async (url, path) => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const onProgress = () => controller.abort(reason);
    const { signal } = controller;
    await assert.rejects(() => download(url, path, sha256, { onProgress, signal }), reason);
    const message = /Can't write .*: Not a directory$|Can't write .*: No such file or directory$/;
    const missing = path.replace("w.pth", "missing/w.pth");
    await assert.rejects(() => download(url, missing, sha256), { name: "InputError", message });
  });
});

Deno.test("the table's hashes are those in the files' names", () => {
  for (const { name, url, sha256 } of knownWeights) {
    assert.match(sha256, /^([0-9a-f]{8}|[0-9a-f]{64})$/);
    assert(url.endsWith(`-${sha256.slice(0, 8)}.pth`));
    assert.equal(knownWeightsNamed(name).url, url);
  }
  assert.equal(new Set(knownWeights.map(({ name }) => name)).size, knownWeights.length);
  const message =
    /one of lukemelas, torchvision, timm, timm-tf, efficientnet_b0, .* as the weights to fetch, but found "b4"/;
  assert.throws(() => knownWeightsNamed("b4"), { name: "InputError", message });
});
