/**
 * Lists what of npm's cache run.sh needs, for pack.sh: folders and files, one a line, within the folder that its first line
 * names, and writes a lock file with these packages alone to the path that is its argument: of one that names others Deno wants
 * them all. What only the tests of ONNX files need is left out for its size, and so are they.
 *
 * @module
 */
import { join, relative } from "node:path";
import { exists, testFiles } from "./test_files.ts";

interface Info {
  modules: { specifier: string; error?: string }[];
  npmPackages: Record<string, { name: string; version: string; dependencies: string[]; localPath: string }>;
}

const root = join(import.meta.dirname!, "..", "..");

async function denoInfo(...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...args],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const parts = [...Deno.readDirSync(import.meta.dirname!)].filter(({ name }) => name.endsWith(".ts"))
  .map(({ name }) => join(import.meta.dirname!, name));
const entries = [join(root, "cli.ts"), ...parts, ...(await testFiles(root)).packed];
const all = await Deno.makeTempFile({ suffix: ".ts" });
await Deno.writeTextFile(
  all,
  entries.map((path) => `import ${JSON.stringify(`file://${path}`)};\n`).join(""),
);
const info: Info = await denoInfo("--config", join(root, "deno.json"), all).finally(() => Deno.remove(all));
const { denoDir } = await denoInfo();

const needed = new Set<string>();
function need(id: string): void {
  if (needed.has(id)) return;
  needed.add(id);
  info.npmPackages[id].dependencies.forEach(need);
}
for (const { specifier, error } of info.modules) {
  if (error) throw new Error(`${specifier}: ${error}`);
  const [, named] = /^npm:\/?((?:@[^/]+\/)?[^/]+)/.exec(specifier) ?? [];
  if (named === undefined) continue;
  const id = Object.keys(info.npmPackages).find((id) => id === named || id.startsWith(`${named}_`));
  if (id === undefined) throw new Error(`Expected ${named} among the packages that Deno knows`);
  need(id);
}
const lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
const isNeeded = (id: string) => needed.has(id);
lock.npm = Object.fromEntries(Object.entries(lock.npm).filter(([id]) => isNeeded(id)));
lock.specifiers = Object.fromEntries(
  Object.entries<string>(lock.specifiers).filter(([specifier, version]) =>
    isNeeded(`${specifier.slice(4, specifier.lastIndexOf("@"))}@${version}`)
  ),
);
await Deno.writeTextFile(Deno.args[0], JSON.stringify(lock, null, 1));
console.log(denoDir);
for (const id of needed) {
  const { localPath } = info.npmPackages[id];
  if (!exists(localPath)) throw new Error(`Expected ${localPath} in Deno's cache`);
  console.log(relative(denoDir, localPath));
  const about = join(localPath, "..", "registry.json");
  if (exists(about)) console.log(relative(denoDir, about));
}
