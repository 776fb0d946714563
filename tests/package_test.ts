/**
 * The package as a whole: formatted, linted, type-checked, documented, and complete when it is published.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** Runs Deno in the project's folder. */
async function deno(...args: string[]): Promise<{ code: number; output: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Paths of all files under a folder, from the project's. */
async function filesUnder(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await filesUnder(path));
    else found.push(relative(ROOT, path).replaceAll("\\", "/"));
  }
  return found;
}

for (
  const args of [
    ["fmt", "--check"],
    ["lint"],
    ["check", "cli.ts", "mod.ts", "examples", "tests"],
    ["doc", "--lint", "mod.ts"],
  ]
) {
  Deno.test(`deno ${args.join(" ")}`, async () => {
    const { code, output } = await deno(...args);
    equal(code, 0, output);
  });
}

Deno.test("deno publish --dry-run: everything that is needed would be published, shaders too", async () => {
  const { code, output } = await deno("publish", "--dry-run", "--allow-dirty");
  equal(code, 0, output);
  const published = [...output.matchAll(/^\s*file:\/\/(\S+) \(/gm)].map(([, url]) =>
    relative(ROOT, decodeURIComponent(url)).replaceAll("\\", "/")
  );
  const needed = [
    "mod.ts",
    "cli.ts",
    "deno.json",
    "README.md",
    "LICENSE",
    ...await filesUnder(join(ROOT, "src")),
  ];
  ok(needed.some((path) => path.endsWith(".wgsl")));
  deepEqual(needed.filter((path) => !published.includes(path)), [], output);
});
