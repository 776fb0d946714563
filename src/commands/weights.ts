/**
 * `adtr weights`: shows, converts and downloads weight files.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { posix } from "node:path";
import { inspectWeights } from "../host/inspect_weights.ts";
import { fetchWeights, knownWeights, knownWeightsNamed } from "../host/known_weights.ts";
import { convertWeights } from "../host/tensor_files.ts";
import { type Cell, table } from "../report/table.ts";
import { Interrupt, Stopped } from "./interrupt.ts";
import { ProgressDisplay } from "./progress.ts";
import { weightsKeyOption, type WeightsOptions } from "./weights_options.ts";

type KeyOption = Pick<WeightsOptions, "weightsKey">;

/** Adds the commands. */
export function addWeights(program: Command): void {
  const weights = program.command("weights").description("Shows, converts and downloads weight files.");
  weights.addHelpText("after", "\nExample:\n  ./adtr weights inspect efficientnet_b4.pth");

  weights.command("inspect")
    .description("Shows what a weight file holds, without running anything in it.")
    .argument("<FILE>", "safetensors or PyTorch checkpoint")
    .addOption(weightsKeyOption())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  ./adtr weights inspect efficientnet_b4.pth")
    .action(inspect);

  weights.command("fetch")
    .description("Downloads a known weight file and checks its hash.")
    .argument("<NAME>", knownWeights.map(({ name }) => name).join(", "))
    .option("--out <FILE>", "where to write it (default: its own name, here)")
    .option("--url <URL>", "another place that has the same file")
    .addHelpText("after", `\nKnown:\n${known()}\n\nExample:\n  ./adtr weights fetch timm`)
    .action(fetch);

  weights.command("convert")
    .description("Writes a weight file's tensors as safetensors.")
    .argument("<IN>", "safetensors or PyTorch checkpoint")
    .argument("<OUT>", "safetensors file to write")
    .addOption(weightsKeyOption())
    .option(
      "--half",
      "store filters and matrices in float16, for a file of half the size; any adapter reads it",
    )
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr weights convert efficientnet_b4.pth efficientnet_b4.safetensors --half",
    )
    .action(convert);
}

function known(): string {
  const lines = knownWeights.map(({ name, about, licence, sha256 }) =>
    `  ${name}${isWhole(sha256) ? "" : " *"}: ${about} (${licence})`
  );
  return [...lines, "  * checked by the first 8 digits of its SHA-256 only: no more was published"].join(
    "\n",
  );
}

/** Whether a hash is all of a SHA-256. */
function isWhole(sha256: string): boolean {
  return sha256.length === 64;
}

async function inspect(path: string, { json, weightsKey }: KeyOption & { json?: true }): Promise<void> {
  const report = await inspectWeights(path, { weights_key: weightsKey });
  if (json) return console.log(JSON.stringify(report, null, 2));
  const { format, key, sha256, metadata, tensors, parameters, network, backbone, naming, problem } = report;
  const rows = tensors.map(({ name, dtype, shape }): Cell[] => [name, dtype, shape.join("×") || "one value"]);
  console.log(table(rows, ["tensor", "dtype", "shape"]));
  console.log(`${format}, ${tensors.length} tensors, ${parameters} parameters`);
  if (key !== null && key !== ".") console.log(`State dict: ${key}`);
  console.log(`SHA-256: ${sha256}`);
  for (const [key, value] of Object.entries(metadata)) console.log(`${key}: ${value}`);
  console.log(
    problem ??
      `${network}${
        naming ? `, named as in ${naming}` : ""
      }: fit for --backbone ${backbone} --weights ${path}${
        weightsKey === undefined ? "" : ` --weights-key ${weightsKey}`
      }`,
  );
}

async function fetch(name: string, { out, url }: { out?: string; url?: string }): Promise<void> {
  const { url: home, backbone, sha256: expected } = knownWeightsNamed(name);
  const display = new ProgressDisplay();
  using interrupt = new Interrupt(() => {});
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  try {
    const { path, sha256, fetched } = await fetchWeights(name, out ?? posix.basename(home), {
      url,
      signal: interrupt.signal,
      onProgress: (done, total = done) =>
        display.onProgress({ phase: "download", done: megabytes(done), total: megabytes(total), unit: "MB" }),
    });
    display.finish();
    const checked = isWhole(expected)
      ? "SHA-256 as it should be"
      : `the first ${expected.length} digits of its SHA-256 are as they should be; more are not known`;
    console.log(`${path}: ${fetched ? "" : "was there already, "}${checked}`);
    if (!isWhole(expected)) console.log(`SHA-256: ${sha256}`);
    console.log(`To be used with --backbone ${backbone} --weights ${path}`);
  } catch (error) {
    if (interrupt.signal.aborted) throw new Stopped("stopped; nothing was written");
    throw error;
  } finally {
    display.finish();
  }
}

async function convert(
  input: string,
  output: string,
  { weightsKey, half }: KeyOption & { half?: true },
): Promise<void> {
  await convertWeights(input, output, { weights_key: weightsKey, halve: half });
  console.log(output);
}
