/**
 * Measures on the machine at hand: see README.md. Started by run.sh; each part runs in a process of its own with a time limit
 * of its own, and none that fails keeps the others from running.
 *
 * @module
 */
import { join } from "node:path";
import { endAll, runChild } from "./child.ts";
import { LIMITS, type Options, parseOptions, USAGE } from "./options.ts";
import { offline } from "./part.ts";
import { Report } from "./report.ts";
import { summaryOf } from "./summary.ts";
import { output, vulkanEnvironment } from "./vulkan.ts";

const HERE = import.meta.dirname!;

function asked(): Options | null {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${USAGE}`);
    Deno.exit(2);
  }
}

async function main(options: Options): Promise<number> {
  const work = Deno.env.get("HARDWARE_WORK") ?? Deno.makeTempDirSync({ prefix: "adtr-hardware-" });
  let report: Report;
  try {
    report = new Report(options.out, { began: new Date().toISOString(), options });
  } catch (error) {
    console.error(`error: Can't write to ${options.out}: ${(error as Error).message}`);
    return 2;
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      report.say(`=== ended by ${signal}`);
      endAll();
      Deno.exit(1);
    });
  }
  if (options.quick) {
    report.say("quick: small sizes and few tests, whose figures say nothing about the adapter");
  }
  const machine = await about(options.python);
  report.set("machine", machine);
  Object.entries(machine).forEach(([name, text]) => report.say(`${name}: ${text ?? "not here"}`));
  let env: Record<string, string>;
  try {
    const libraries = Deno.env.get("HARDWARE_LIBRARIES");
    env = await vulkanEnvironment(options.adapter, work, libraries, (line) => report.say(`vulkan: ${line}`));
  } catch (error) {
    report.say(`vulkan: ${(error as Error).message}`);
    return 1;
  }
  report.set("environment", env);
  let failed = 0;
  for (const part of options.parts) {
    const left = options.seconds - report.seconds;
    if (left < 5) {
      report.begin(part);
      report.end(part, "out of time", 0);
      report.say(`=== ${part}: no time left for it`);
      failed++;
      continue;
    }
    const seconds = Math.min(LIMITS[part], left);
    const status = await runChild(report, {
      part,
      command: Deno.execPath(),
      args: [
        "run",
        "-A",
        ...offline(),
        join(HERE, `${part}.ts`),
        JSON.stringify({ ...options, seconds: Math.max(seconds - 6, 2), work }),
      ],
      env: part === "adapter" ? { ...env, VK_LOADER_DEBUG: "error,warn" } : env,
      seconds,
    });
    if (status !== "done") failed++;
    const summary = summaryOf(part, report.results.parts[part].records);
    if (summary !== "") report.say(summary);
  }
  report.say(`=== all: ${report.seconds.toFixed(1)} s, ${failed} of ${options.parts.length} parts not done`);
  report.set("ended", new Date().toISOString());
  return failed === 0 ? 0 : 1;
}

/** The machine in its own words. */
async function about(python: string): Promise<Record<string, string | null>> {
  const torch = "import sys, torch; print(sys.version.split()[0], 'torch', torch.__version__, 'cuda', " +
    "torch.version.cuda, torch.cuda.is_available() and torch.cuda.get_device_name(0))";
  const said = async (command: string, ...args: string[]) => (await output(command, ...args))?.trim() ?? null;
  return {
    uname: await said("uname", "-a"),
    processors: `${navigator.hardwareConcurrency}`,
    "nvidia-smi": await said("nvidia-smi"),
    deno: Object.values(Deno.version).join(" "),
    python: await said(python, "-c", torch),
  };
}

const options = asked();
if (options === null) console.log(USAGE);
else Deno.exit(await main(options));
