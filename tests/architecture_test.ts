/**
 * The house keeps its order (docs/architecture.md): imports run one way, and in no circle; only the host touches files.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = join(import.meta.dirname!, ".."), SRC = join(ROOT, "src");

/** What each room may import from, beside itself and the small files directly in src. */
const KNOWS: Record<string, readonly string[]> = {
  gpu: [],
  kernels: ["gpu"],
  autograd: ["gpu", "kernels"],
  optim: ["gpu", "kernels", "autograd"],
  formats: [],
  data: ["formats"],
  metrics: [],
  report: ["data"],
  model: ["gpu", "kernels", "autograd", "optim", "formats"],
  methods: ["gpu", "kernels", "autograd", "optim", "formats", "data", "model"],
  score: ["gpu", "kernels", "formats", "data", "metrics", "model", "methods"],
  train: ["gpu", "kernels", "optim", "formats", "data", "model", "methods", "score"],
  host: ["gpu", "formats", "data", "report", "model", "methods", "score", "train"],
  serve: ["gpu", "formats", "data", "report", "model", "methods", "score", "train", "host"],
};
/** Where everything may be used. */
const ABOVE = ["commands", "bench"];
/** What shows a library at its best, rather than being a part of it. */
const ENTRIES = ["src/autograd/mod.ts", "src/data/mod.ts"];

interface Source {
  path: string;
  text: string;
  /** Paths of the project's files that it imports. */
  imports: string[];
}

async function sourcesIn(folder: string): Promise<Source[]> {
  const found: Source[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await sourcesIn(path));
    else if (name.endsWith(".ts")) {
      const text = await Deno.readTextFile(path);
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g)]
        .map(([, to]) => resolve(dirname(path), to));
      found.push({ path, text, imports });
    }
  }
  return found;
}

const sources = await sourcesIn(SRC);
/** A file's room; "" for those directly in src. */
const roomOf = (path: string): string => {
  const parts = relative(SRC, path).split(/[\\/]/);
  return parts.length > 1 ? parts[0] : "";
};
const named = (path: string): string => relative(ROOT, path).replaceAll("\\", "/");

Deno.test("imports run one way", () => {
  const wrong = sources.filter(({ path }) => !ENTRIES.includes(named(path))).flatMap(({ path, imports }) => {
    const room = roomOf(path);
    if (ABOVE.includes(room)) return [];
    const known = room === "" ? [""] : ["", room, ...KNOWS[room]];
    return imports.filter((to) => !known.includes(roomOf(to))).map((to) => `${named(path)} -> ${named(to)}`);
  });
  deepEqual(wrong, []);
});

Deno.test("no import circle", () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>(), circles: string[] = [];
  const visit = (path: string, above: string[]): void => {
    if (above.includes(path)) {
      circles.push([...above.slice(above.indexOf(path)), path].map(named).join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const to of byPath.get(path)?.imports ?? []) visit(to, [...above, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  deepEqual(circles, []);
});

Deno.test("only the host, the server, the commands and the benchmarks know Deno and Node", () => {
  const code = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  const wrong = sources.filter(({ path, text }) =>
    !["host", "serve", ...ABOVE].includes(roomOf(path)) && /\bDeno\.|"node:/.test(code(text))
  );
  deepEqual(wrong.map(({ path }) => named(path)), []);
});

Deno.test("no method is known by its name outside of its folder", async () => {
  const names = (await Array.fromAsync(Deno.readDir(join(SRC, "methods"))))
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  const wrong = sources.filter(({ path }) => !ABOVE.includes(roomOf(path))).flatMap(({ path, text }) => {
    const own = relative(join(SRC, "methods"), path).split(/[\\/]/)[0];
    return names.filter((name) =>
      name !== own && new RegExp(`method === "${name}"|case "${name}"`).test(text)
    )
      .map((name) => `${named(path)}: ${name}`);
  });
  deepEqual(wrong, []);
});
