/**
 * The package as others get it: clean, documented, complete when it is published, fit for browsers, and importable from
 * anywhere.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inFolder } from "./folder.ts";

const ROOT = join(import.meta.dirname!, "..");
/** Entries that any runtime with WebGPU can load. */
const ANYWHERE = ["mod.ts", "src/autograd/mod.ts", "src/data/mod.ts"];
const ENTRIES = [...ANYWHERE, "host.ts", "cli.ts"];
const { name: NAME, exports: EXPORTS } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));

/** Runs Deno in a folder. @returns what it prints */
async function deno(cwd: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { NO_COLOR: "1", NODEVICE_SELECT: "1" };
  const result = await new Deno.Command(Deno.execPath(), { args, cwd, env }).output();
  const [stdout, stderr] = [result.stdout, result.stderr].map((bytes) => new TextDecoder().decode(bytes));
  equal(result.code, 0, stdout + stderr);
  return { stdout, stderr };
}

/** Paths of all files under a folder, from the project's. */
async function filesUnder(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await filesUnder(path));
    else found.push(fromRoot(path));
  }
  return found;
}

function fromRoot(path: string): string {
  return relative(ROOT, path).replaceAll("\\", "/");
}

/** What an entry imports, itself included: our files by their paths from the project's folder, others as they are. */
async function modulesOf(entry: string): Promise<string[]> {
  const { modules } = JSON.parse((await deno(ROOT, "info", "--json", entry)).stdout) as {
    modules: { specifier: string; error?: string }[];
  };
  deepEqual(modules.filter(({ error }) => error), []);
  return modules.map(({ specifier }) =>
    specifier.startsWith("file:") ? fromRoot(fileURLToPath(specifier)) : specifier
  );
}

/** Our files among what entries import, with their texts. */
async function sourcesOf(entries: readonly string[]): Promise<Map<string, string>> {
  const modules = new Set((await Promise.all(entries.map(modulesOf))).flat());
  const ours = [...modules].filter((module) => module.endsWith(".ts") && !module.includes(":"));
  return new Map(
    await Promise.all(ours.map(async (file) => [file, await Deno.readTextFile(join(ROOT, file))] as const)),
  );
}

for (
  const args of [
    ["fmt", "--check"],
    ["lint"],
    ["check", "cli.ts", "mod.ts", "examples", "tests"],
    ["check", "src/serve/page"], // for browsers: by itself, with their types
    ["doc", "--lint", ...ENTRIES],
  ]
) Deno.test(`deno ${args.join(" ")}`, async () => void await deno(ROOT, ...args));

Deno.test("deno publish --dry-run: what is needed would be published, shaders and weights too, and nothing else", async () => {
  const { stderr } = await deno(ROOT, "publish", "--dry-run", "--allow-dirty");
  const published = [...stderr.matchAll(/^\s*(file:\/\/\S+) \(/gm)].map(([, url]) =>
    fromRoot(fileURLToPath(url))
  );
  const needed = [
    ...["mod.ts", "host.ts", "cli.ts", "deno.json", "README.md", "CHANGELOG.md", "LICENSE"],
    ...await filesUnder(join(ROOT, "src")),
  ];
  ok(needed.some((path) => path.endsWith(".wgsl")));
  ok(needed.includes("src/model/weights/efficientnet_lite0.safetensors"));
  deepEqual(published.sort(), needed.sort());
});

for (const entry of ANYWHERE) {
  Deno.test(`${entry} asks nothing of a runtime that browsers haven't got`, async () => {
    const modules = await modulesOf(entry);
    deepEqual(modules.filter((module) => /^node:|^src\/(host|commands|serve)\//.test(module)), []);
    for (const [file, text] of await sourcesOf([entry])) {
      equal(text.match(/^.*(\bDeno\.\w|["']node:).*$/m)?.[0], undefined, file);
    }
  });
}

Deno.test("the sources name their packages, each in one version", async () => {
  const versions = new Map<string, string>();
  for (const [file, text] of await sourcesOf(ENTRIES)) {
    for (const [, specifier] of text.matchAll(/(?:^import\b[^;]*? from |\bimport\()"([^"]+)"/gm)) {
      match(specifier, /^(\.{1,2}\/|node:|npm:(@\w+\/)?[\w-]+@\^\d)/, file);
      const [, name, version] = /^npm:(.[^@]*)@([^/]+)/.exec(specifier) ?? [];
      if (name) equal(version, versions.get(name) ?? version, `${name} in ${file}`);
      if (name) versions.set(name, version);
    }
  }
  deepEqual([...versions.keys()].sort(), [
    ...["@bufbuild/protobuf", "@jsquash/jpeg", "@jsquash/webp", "@valibot/to-json-schema", "commander"],
    ...["fast-png", "geotiff", "hono", "jpeg-js", "uplot", "valibot"],
  ]);
});

Deno.test("every entry can be imported from another project's folder", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const program = ENTRIES.filter((entry) => entry !== "cli.ts").map((entry, i) =>
      `import * as entry${i} from "${pathToFileURL(join(ROOT, entry))}";\n` +
      `console.log(Object.keys(entry${i}).length > 0);\n`
    );
    await Deno.writeTextFile(join(folder, "main.ts"), program.join(""));
    const { stdout } = await deno(folder, "run", "-A", "--check", "main.ts");
    equal(stdout, "true\n".repeat(program.length));
  }));

Deno.test("the programs in the documentation fit the package", () =>
  inFolder(async (folder) => {
    const imports = Object.entries(EXPORTS as Record<string, string>)
      .map(([entry, path]) => [NAME + entry.slice(1), pathToFileURL(join(ROOT, path)).href]);
    const config = { imports: Object.fromEntries(imports) };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(config));
    const programs: string[] = [];
    const readme = await Deno.readTextFile(join(ROOT, "README.md"));
    for (const [file, text] of [...await sourcesOf(ENTRIES), ["README.md.ts", readme]]) {
      for (const [, program] of text.matchAll(/^(?: *\* )?```ts\n(.*?)^(?: *\* )?```$/gms)) {
        programs.push(`${programs.length} of ${file.replaceAll("/", " ")}`);
        await Deno.writeTextFile(join(folder, programs.at(-1)!), program.replaceAll(/^ *\* ?/gm, ""));
      }
    }
    ok(programs.length >= 4);
    await deno(folder, "check", ...programs);
  }));
