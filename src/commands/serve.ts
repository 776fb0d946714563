/**
 * `adtr serve`: models behind an HTTP API (docs/serve.md), until it is told to stop.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { MAX_PIXELS } from "../data/samples.ts";
import { UsageError } from "../errors.ts";
import { readWhole } from "../host/files.ts";
import { whole } from "../methods/settings.ts";
import { isLoopback } from "../serve/security.ts";
import { fileBackend, Server } from "../serve/server.ts";
import { Interrupt } from "./interrupt.ts";
import { checkedOption } from "./options.ts";
import { VERSION } from "./version.ts";
import { givenWeights, weightsKeyOption, type WeightsOptions } from "./weights_options.ts";

/** What is meant where nothing is said. */
const PORT = 8080, BATCH = 8, QUEUE = 64, MAX_BYTES = 2 ** 25, PIXELS = 2 ** 24, SECONDS = 30;

/** Adds the command. */
export function addServe(program: Command): void {
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  const hosts = (value: string, before?: string[]): string[] => {
    if (/^[\w.-]+$|^\[?[\da-f:.]+\]?$/i.test(value)) return collect(value, before);
    throw new UsageError(
      `Expected --allow-host to be a name without a port, but found ${JSON.stringify(value)}`,
    );
  };
  program.command("serve")
    .summary("Serves models by HTTP: images in; labels, scores, regions, heat maps out.")
    .description(
      "Serves models by HTTP until it is stopped (SIGTERM or Ctrl-C; what it has taken is answered first). " +
        "A model whose file changes is opened anew. docs/serve.md describes the API, /openapi.json too.",
    )
    .requiredOption("--model <FILE>", "a model, RUN/model.safetensors; may be given several times", collect)
    .option("--weights <FILE>", "the weight file they were trained with, unless their backbone is built in")
    .addOption(weightsKeyOption())
    .option("--host <ADDRESS>", "where to listen; 0.0.0.0 for all of this machine's addresses", "127.0.0.1")
    .addOption(checkedOption("--port <N>", "0 for any free port", whole(0, 65535), PORT))
    .option("--token <TEXT>", "who asks has to send Authorization: Bearer TEXT; seen by who lists processes")
    .option("--token-file <FILE>", "the same, from a file")
    .option(
      "--allow-host <NAME>",
      "a name by which others reach this server; may be given several times",
      hosts,
    )
    .addOption(checkedOption("--batch <N>", "images that are scored together at most", whole(1, 1024), BATCH))
    .addOption(checkedOption("--queue <N>", "images that wait for a model at most", whole(1, 65536), QUEUE))
    .addOption(checkedOption("--max-bytes <N>", "bytes of a request at most", whole(1, 2 ** 31), MAX_BYTES))
    .addOption(checkedOption("--max-pixels <N>", "pixels of an image at most", whole(1, MAX_PIXELS), PIXELS))
    .addOption(
      checkedOption("--body-seconds <N>", "in which a request has to be there", whole(1, 3600), SECONDS),
    )
    .option("--quiet", "no line on stderr about each request")
    .addHelpText(
      "after",
      "\nExample:\n  ./adtr serve --model runs/a/model.safetensors\n" +
        "  curl --data-binary @photo.jpg http://127.0.0.1:8080/v1/score",
    )
    .action(run);
}

interface ServeCommandOptions extends WeightsOptions {
  model: string[];
  host: string;
  port: number;
  token?: string;
  tokenFile?: string;
  allowHost?: string[];
  batch: number;
  queue: number;
  maxBytes: number;
  maxPixels: number;
  bodySeconds: number;
  quiet?: true;
}

async function run(options: ServeCommandOptions): Promise<void> {
  const { model, allowHost = [], quiet, host } = options, token = await tokenOf(options);
  const { weights, weightsKey: weights_key } = givenWeights(options);
  const say = (line: string): void => console.error(line);
  if (token === null && !isLoopback(host)) {
    say(`warning: whoever can connect to ${host} can use this server; --token-file keeps others out`);
  }
  using interrupt = new Interrupt(() =>
    say("stopping when what waits is answered … (again ends it at once)")
  );
  await using server = await Server.start({
    ...options,
    token,
    models: model,
    allowHosts: allowHost,
    version: VERSION,
    backend: fileBackend({ weights, weights_key }),
    onAccess: quiet ? () => {} : say,
    onNotice: (line) => say(`${new Date().toISOString()} ${line}`),
  });
  const { host: at, port } = server.address, names = server.models.join(", ");
  console.log(`Serving ${names} at http://${at.includes(":") ? `[${at}]` : at}:${port}/`);
  await aborted(interrupt.signal);
}

/** @throws {UsageError} where there are two, or it is none that a header can hold */
async function tokenOf({ token, tokenFile }: ServeCommandOptions): Promise<string | null> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new UsageError("Expected --token or --token-file, but found both");
  }
  const text = tokenFile === undefined ? token : new TextDecoder().decode(await readWhole(tokenFile)).trim();
  if (text === undefined) return null;
  if (/^[\x21-\x7e]{1,4096}$/.test(text)) return text;
  const where = tokenFile === undefined ? "--token" : tokenFile;
  throw new UsageError(
    `Expected a token of letters, digits and signs without spaces in ${where}, but found another text`,
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
