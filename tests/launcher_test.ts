/**
 * The launcher, with stand-ins for Deno, npm, apt-get, dpkg-query, sudo and id that write down how they were called.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "./folder.ts";

const ROOT = join(import.meta.dirname!, "..");

/** A machine: which of the stand-ins are there, and what they find. */
interface Machine {
  commands: string[];
  hasAdapter?: boolean;
  hasPackages?: boolean;
  /** Whether the package lists have to be updated before anything installs. */
  hasNoLists?: boolean;
  user?: number;
  version?: string;
}

/** Each logs its name and arguments first. */
const STAND_INS: Record<string, string> = {
  deno: `case $1 in
    --version) echo "deno $VERSION (stable, release, x86_64-unknown-linux-gnu)" ;;
    eval) exit "$ADAPTER" ;;
    *) echo "NODEVICE_SELECT=$NODEVICE_SELECT in $PWD" ;;
  esac`,
  npm: `mkdir -p "$3/node_modules/.bin" && cp "$SPARE" "$3/node_modules/.bin/deno"`,
  "apt-get": `case " $* " in
    *" update "*) : >"$HERE/lists" ;;
    *) if [ "$NO_LISTS" = 1 ] && [ ! -e "$HERE/lists" ]; then exit 100; fi ;;
  esac`,
  "dpkg-query": `if [ "$PACKAGES" = 1 ]; then printf 'installed installed '; else exit 1; fi`,
  sudo: `exec "$@"`,
};
const TOOLS = ["sh", "dirname", "readlink", "env", "mkdir", "cp"];

/** What a launch did. */
interface Launch {
  code: number;
  stdout: string;
  stderr: string;
  /** Calls of the stand-ins that change something or run the program, one a line. */
  calls: string[];
}

/** Runs a copy of the launcher on that machine. */
async function launch(
  folder: string,
  machine: Machine,
  args: string[],
  how: { path?: string } = {},
): Promise<Launch> {
  const bin = join(folder, "bin"), project = join(folder, "project"), elsewhere = join(folder, "elsewhere");
  for (const path of [bin, project, elsewhere]) await Deno.mkdir(path, { recursive: true });
  await Deno.copyFile(join(ROOT, "adtr"), join(project, "adtr"));
  const standIn = (path: string, body: string): Promise<void> =>
    Deno.writeTextFile(path, `#!/bin/sh\necho "\${0##*/} $*" >>"$LOG"\n${body}\n`, { mode: 0o755 });
  for (const name of machine.commands) await standIn(join(bin, name), STAND_INS[name]);
  const spare = join(folder, "deno"); // what npm installs
  await standIn(spare, STAND_INS.deno.replace("$VERSION", "2.9.6"));
  await Deno.writeTextFile(join(bin, "id"), `#!/bin/sh\necho ${machine.user ?? 0}\n`, { mode: 0o755 });
  for (const tool of TOOLS) {
    const path = ["/bin", "/usr/bin"].map((place) => join(place, tool));
    const real = await Deno.realPath(path[0]).catch(() => Deno.realPath(path[1]));
    await Deno.symlink(real, join(bin, tool));
  }
  const log = join(folder, "log");
  await Deno.writeTextFile(log, "");
  const { code, stdout, stderr } = await new Deno.Command(how.path ?? join(project, "adtr"), {
    args,
    cwd: elsewhere,
    clearEnv: true,
    env: {
      PATH: bin,
      HOME: join(folder, "home"),
      HERE: folder,
      LOG: log,
      SPARE: spare,
      VERSION: machine.version ?? "2.9.6",
      ADAPTER: machine.hasAdapter ? "0" : "1",
      PACKAGES: machine.hasPackages ? "1" : "0",
      NO_LISTS: machine.hasNoLists ? "1" : "0",
    },
  }).output();
  const questions = /^(deno (--version|eval)|dpkg-query)/;
  const calls = (await Deno.readTextFile(log)).replaceAll(project, "PROJECT").split("\n");
  return {
    code,
    stdout: new TextDecoder().decode(stdout).replaceAll(folder, ""),
    stderr: new TextDecoder().decode(stderr).replaceAll(folder, ""),
    calls: calls.filter((call) => call !== "" && !questions.test(call)),
  };
}

const test = (name: string, body: (folder: string) => Promise<void>): void =>
  Deno.test({ name, ignore: Deno.build.os === "windows", fn: () => inFolder(body) });

const ALL = Object.keys(STAND_INS);
const APT = "apt-get -qq install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers";

test("with nothing missing it installs nothing and says nothing", async (folder) => {
  const { code, stdout, stderr, calls } = await launch(folder, { commands: ALL, hasPackages: true }, [
    "train",
    "a b",
  ]);
  equal(code, 0);
  equal(stderr, "");
  equal(stdout, "NODEVICE_SELECT=1 in /elsewhere\n"); // so that relative paths stay the caller's
  deepEqual(calls, ["deno run -A PROJECT/cli.ts train a b"]);
});

test("a GPU makes the software one's packages needless", async (folder) => {
  const { code, stderr, calls } = await launch(folder, { commands: ALL, hasAdapter: true, user: 1000 }, []);
  deepEqual([code, stderr, calls], [0, "", ["deno run -A PROJECT/cli.ts"]]);
});

test("where there is no apt-get, a missing GPU is left for the program to explain", async (folder) => {
  const { code, calls } = await launch(folder, { commands: ["deno"] }, ["info"]);
  deepEqual([code, calls], [0, ["deno run -A PROJECT/cli.ts info"]]);
});

test("a bare machine gets Deno from npm and the software GPU from apt-get, and is told so", async (folder) => {
  const machine = { commands: ["npm", "apt-get", "dpkg-query"] };
  const { code, stderr, calls } = await launch(folder, machine, ["train"]);
  equal(code, 0);
  deepEqual(calls, [
    "npm install --prefix PROJECT/.tools --no-audit --no-fund --no-update-notifier --loglevel=error deno@2",
    APT,
    "deno run -A PROJECT/cli.ts train",
  ]);
  match(stderr, /installing Deno into \/project\/\.tools \(npm install deno@2\)/);
  match(stderr, /no GPU here: installing a software one \(apt-get install libvulkan1 mesa-vulkan-drivers\)/);
});

test("sudo is used only by those who are not root, lists are updated only when they must be", async (folder) => {
  const machine = { commands: ALL, user: 1000, hasNoLists: true };
  const { code, stderr, calls } = await launch(folder, machine, ["train"]);
  equal(code, 0);
  const sudo = (call: string): string[] => [`sudo env DEBIAN_FRONTEND=noninteractive ${call}`, call];
  deepEqual(calls, [
    ...sudo(APT),
    ...sudo("apt-get -qq update"),
    ...sudo(APT),
    "deno run -A PROJECT/cli.ts train",
  ]);
  match(stderr, /\(sudo apt-get install libvulkan1 mesa-vulkan-drivers\)/);
});

test("without the right to install it says what is needed", async (folder) => {
  const machine = { commands: ["deno", "apt-get", "dpkg-query"], user: 1000 };
  const { code, stderr, calls } = await launch(folder, machine, ["train"]);
  deepEqual([code, calls], [1, []]);
  equal(
    stderr,
    "adtr: there is no GPU here; its software stand-in needs, as root: " +
      "apt-get install libvulkan1 mesa-vulkan-drivers\n",
  );
});

test("without Deno and npm it says what to install", async (folder) => {
  const { code, stderr, calls } = await launch(folder, { commands: [] }, ["train"]);
  deepEqual([code, calls], [1, []]);
  match(
    stderr,
    /^adtr: Deno 2\.8 or newer is needed, and npm, .*Install Deno as https:\S+ says, then run this again\.\n$/,
  );
});

test("a Deno that is too old is passed over, one in ~/.deno is found", async (folder) => {
  const old = await launch(folder, { commands: ["deno", "npm"], version: "2.7.14" }, ["info"]);
  equal(old.code, 0);
  deepEqual(old.calls.map((call) => call.split(" ")[0]), ["npm", "deno"]);
  await inFolder(async (other) => {
    const home = join(other, "home", ".deno", "bin");
    await Deno.mkdir(home, { recursive: true });
    const found = '#!/bin/sh\nif [ "$1" = --version ]; then echo \'deno 3.0.0\'; else echo "home $*"; fi\n';
    await Deno.writeTextFile(join(home, "deno"), found, { mode: 0o755 });
    const { code, stdout, calls } = await launch(other, { commands: ["npm"] }, ["info"]);
    deepEqual([code, stdout, calls], [0, "home run -A /project/cli.ts info\n", []]);
  });
});

test("through symbolic links it finds its folder", async (folder) => {
  await Deno.mkdir(join(folder, "links"));
  await Deno.symlink("../project/adtr", join(folder, "links", "first"));
  await Deno.symlink(join(folder, "links", "first"), join(folder, "links", "second"));
  const how = { path: join(folder, "links", "second") };
  const { calls } = await launch(folder, { commands: ["deno"] }, ["info"], how);
  deepEqual(calls, ["deno run -A PROJECT/cli.ts info"]);
});

test("`test` runs the project's tests with the sanitizers on", async (folder) => {
  const { stdout, calls } = await launch(folder, { commands: ["deno"] }, ["test", "tests/report"]);
  deepEqual(calls, ["deno test -A --sanitize-ops --sanitize-resources tests/report"]);
  equal(stdout, "NODEVICE_SELECT=1 in /project\n");
});
