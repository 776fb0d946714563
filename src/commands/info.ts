/**
 * `adtr info`: what the program runs on.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { Gpu } from "../gpu/gpu.ts";
import { table } from "../report/table.ts";
import { VERSION } from "./version.ts";

/** The limits that decide what fits. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "minStorageBufferOffsetAlignment",
] as const;

/** Adds the command. */
export function addInfo(program: Command): void {
  program.command("info")
    .description(
      "Shows the GPU adapter, its limits and features, versions, and whether it computes correctly.",
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  ./adtr info --json")
    .action(info);
}

async function info({ json }: { json?: true }): Promise<void> {
  const gpu = await Gpu.open(); // throws where the self-test fails
  const found = {
    adapter: gpu.info,
    self_test: "passed",
    features: gpu.features,
    limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.limits[name]])),
    versions: {
      adtr: VERSION,
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      typescript: Deno.version.typescript,
    },
    system: `${Deno.build.os} ${Deno.build.arch}`,
  };
  gpu.close();
  if (json) return console.log(JSON.stringify(found, null, 2));

  const { description, vendor, architecture, software } = found.adapter;
  const rows: [string, string][] = [
    ["adapter", description || [vendor, architecture].filter(Boolean).join(" ")],
    ["kind", software ? "software (the CPU plays the GPU)" : "hardware"],
    ["self-test", found.self_test],
    ["features", found.features.join(" ")],
    ...Object.entries(found.limits).map(([name, value]): [string, string] => [name, String(value)]),
    ...Object.entries(found.versions),
    ["system", found.system],
  ];
  console.log(table(rows, ["", ""]).split("\n").slice(2, -1).join("\n"));
}
