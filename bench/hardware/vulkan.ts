/**
 * Where Vulkan's drivers are. A container may have NVIDIA's libraries without the manifest that names them to the loader, or
 * lack the loader itself: then they come from what was packed.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import type { Options } from "./options.ts";

/** A driver's manifest, and the library that it names. */
export interface Manifest {
  path: string;
  library: string;
}

/** What was decided. */
export interface Choice {
  /** Manifests that the loader is to look at; null: those that it finds itself. */
  manifests: string[] | null;
  /** A library that needs a manifest, which is to be the only one. */
  write: string | null;
  /** Why, for the log. */
  because: string;
}

const FOLDERS = [
  "/etc/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/usr/local/nvidia/share/vulkan/icd.d",
  "/usr/local/etc/vulkan/icd.d",
];
const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/local/nvidia/lib64",
  "/usr/local/nvidia/lib",
  "/usr/lib64",
  "/usr/local/lib/x86_64-linux-gnu",
  "/usr/lib",
];
/** Either is a Vulkan driver; the second asks for no X11. */
const NVIDIA = ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"];
const SOFTWARE = /lvp|swiftshader|llvmpipe/i;

/**
 * Which drivers to take.
 *
 * @param manifests those that are here
 * @param nvidia NVIDIA's libraries that are here and can be loaded, the better one first
 * @throws {Error} where the kind asked for is not here
 */
export function choose(
  adapter: Options["adapter"],
  manifests: readonly Manifest[],
  nvidia: readonly string[],
): Choice {
  const software = manifests.filter(({ library }) => SOFTWARE.test(library));
  const others = manifests.filter((manifest) => !software.includes(manifest));
  const paths = (list: readonly Manifest[]) => list.map(({ path }) => path);
  if (adapter === "software") {
    if (software.length === 0) throw new Error("Expected a software driver for Vulkan, but found none");
    return { manifests: paths(software), write: null, because: "a software adapter is asked for" };
  }
  if (nvidia.length > 0) {
    const library = nvidia[0];
    const own = others.filter((manifest) => basename(manifest.library) === basename(library));
    return own.length > 0
      ? { manifests: paths(own).slice(0, 1), write: null, because: "NVIDIA's manifest is here" }
      : { manifests: null, write: library, because: `no manifest names ${library}: one is written` };
  }
  if (adapter === "hardware") {
    if (others.length === 0) throw new Error("Expected a driver of hardware for Vulkan, but found none");
    return { manifests: paths(others), write: null, because: "no NVIDIA library that can be loaded is here" };
  }
  return { manifests: null, write: null, because: "no NVIDIA library that can be loaded is here" };
}

/** The environment in which a child finds the driver. What was found is said to `say`. */
export async function vulkanEnvironment(
  adapter: Options["adapter"],
  work: string,
  packed: string | undefined,
  say: (line: string) => void,
): Promise<Record<string, string>> {
  const cache = await output("ldconfig", "-p") ?? "";
  const folders = [...(Deno.env.get("LD_LIBRARY_PATH") ?? "").split(":").filter(Boolean)];
  if (packed) folders.push(addLibraries(packed, cache, say));
  const found = NVIDIA.flatMap((name) => pathOf(name, cache, folders) ?? []);
  for (const name of NVIDIA) if (!found.some((path) => basename(path) === name)) say(`${name}: not here`);
  for (const path of found) if (!folders.includes(dirname(path))) folders.push(dirname(path));
  const env: Record<string, string> = folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(":") } : {};
  const nvidia: string[] = [];
  for (const path of found) {
    const refused = await refusal(path, env);
    say(`${path}: ${refused ?? "can be loaded"}`);
    if (refused === null) nvidia.push(path);
  }
  const manifests = manifestsIn(FOLDERS);
  manifests.forEach(({ path, library }) => say(`${path}: ${library}`));
  if (manifests.length === 0) say(`no manifests of drivers in ${FOLDERS.join(", ")}`);
  const choice = choose(adapter, manifests, nvidia);
  say(`drivers: ${choice.because}`);
  let files = choice.manifests;
  if (choice.write) {
    files = [join(work, "nvidia_icd.json")];
    const ICD = { library_path: choice.write, api_version: "1.3.0" };
    Deno.writeTextFileSync(files[0], JSON.stringify({ file_format_version: "1.0.0", ICD }));
  }
  // The second name is that of older loaders.
  if (files) env.VK_DRIVER_FILES = env.VK_ICD_FILENAMES = files.join(":");
  Object.entries(env).forEach(([name, value]) => say(`${name}=${value}`));
  return env;
}

/** Leaves of the packed libraries those that the machine lacks. @returns their folder */
function addLibraries(packed: string, cache: string, say: (line: string) => void): string {
  const taken: string[] = [];
  for (const { name } of [...Deno.readDirSync(packed)]) {
    if (pathOf(name, cache, [])) Deno.removeSync(join(packed, name));
    else taken.push(name);
  }
  say(`libraries from the pack: ${taken.join(", ") || "none"}`);
  return packed;
}

function pathOf(name: string, cache: string, folders: readonly string[]): string | null {
  const listed = cache.split("\n").find((line) => line.trim().startsWith(`${name} (libc6,x86-64`));
  const there = [...folders, ...LIBRARY_FOLDERS].map((folder) => join(folder, name)).find(exists);
  return listed?.split(" => ")[1] ?? there ?? null;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Why a library can't be loaded, or null. */
async function refusal(path: string, env: Record<string, string>): Promise<string | null> {
  const code = `try { Deno.dlopen(${JSON.stringify(path)}, {}); } catch (e) { console.log(e.message); }`;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", code],
    env,
  })
    .output();
  const message = new TextDecoder().decode(stdout).trim();
  return message !== "" ? message : success ? null : "ends the process that loads it";
}

/** All that can be read in these folders. */
export function manifestsIn(folders: readonly string[]): Manifest[] {
  return folders.flatMap((folder) => {
    try {
      return [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name)).filter((path) =>
        path.endsWith(".json")
      ).sort();
    } catch {
      return [];
    }
  }).flatMap((path) => {
    try {
      const library = JSON.parse(Deno.readTextFileSync(path)).ICD.library_path;
      return typeof library === "string" ? [{ path, library }] : [];
    } catch {
      return []; // one that the loader refuses too
    }
  });
}

/** What a program prints, or null where it isn't here. */
export async function output(command: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } catch {
    return null;
  }
}
