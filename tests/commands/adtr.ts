/**
 * The program as a child process, for tests.
 *
 * @module
 */
import { join } from "node:path";
import { inFolder } from "../folder.ts";

/** The program's file. */
export const CLI = join(import.meta.dirname!, "..", "..", "cli.ts");

const { denoDir } = JSON.parse(
  new TextDecoder().decode(
    (await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()).stdout,
  ),
);

/** Where the program runs: its own cache in a test's folder, Deno's where it is. */
export function environment(folder: string): Record<string, string> {
  return {
    NO_COLOR: "1",
    NODEVICE_SELECT: "1",
    DENO_DIR: denoDir,
    XDG_CACHE_HOME: join(folder, "cache"),
    // Compiled shaders are found again where they are.
    MESA_SHADER_CACHE_DIR: Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? folder, ".cache"),
  };
}

/** How a command ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program in a folder; the last argument may be environment variables. */
export async function adtr(folder: string, ...args: (string | Record<string, string>)[]): Promise<Ended> {
  const variables = args.filter((arg) => typeof arg === "object")[0];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, ...args.filter((arg) => typeof arg === "string")],
    cwd: folder,
    env: { ...environment(folder), ...variables },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A test in a folder of its own. */
export const test = (name: string, body: (folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(body));

/** Small enough to train in a second or two. */
export const TINY = [
  "--backbone",
  "gabor",
  "--image-size",
  "32",
  "--feature-size",
  "4",
  "--hidden",
  "8",
  "--heads",
  "2",
  "--ffn",
  "8",
];
