/**
 * Whether a change left every byte as it was: trains, tests and scores the demo's three categories with every method, and
 * makes a digest of each tensor and each setting of the model files, of every metric, and of the scores. Bytes are an
 * adapter's own, so both sides are made on one machine:
 *
 *     deno run -A tests/same_bytes.ts make BEFORE.json --cli OTHER_CHECKOUT/cli.ts
 *     deno run -A tests/same_bytes.ts make AFTER.json
 *     deno run -A tests/same_bytes.ts compare BEFORE.json AFTER.json
 *
 * `compare` prints what differs and ends with 1 where that is not among the changes that are meant, `MEANT` below.
 *
 * @module
 */
import { join } from "node:path";

const CATEGORIES = ["bottle", "wood", "leather"];
const RUNS: Record<string, string[]> = {
  "adtr": [],
  "adtr+": ["--loss", "px"],
  ...Object.fromEntries(
    ["spade", "patchcore", "padim", "mahalanobis", "knn", "kde"].map((name) => [name, ["--method", name]]),
  ),
};

/** Fields that changed by design since the digests of 2026-11-29 were made, as regular expressions, with the reason. */
const MEANT: [field: RegExp, reason: string][] = [
  [/model (format|method)$/, "one form of model file for all methods, which names its method"],
  [/model model\./, "a model says of itself what opening it takes, and no more"],
  [/model config\.features_sha256$/, "a hash of the images' hashes, which Web Cryptography can make"],
  [/^(?!adtr).*model config\./, "a model file holds the settings of its method, and of no other"],
  [
    /^adtr.*model config\.(components|feature_length|precision)$/,
    "settings that were not there, at what changes nothing",
  ],
  [/^adtr.*model config\.(coreset|neighbours|padim_channels)$/, "settings of other methods"],
];

type Digests = Record<string, string>;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hash.toHex().slice(0, 32);
}

/** A model file's tensors and settings, one by one: read here, so that nothing that is under test is trusted. */
async function modelDigests(path: string, name: string): Promise<Digests> {
  const file = await Deno.readFile(path), length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const found: Digests = {};
  const { __metadata__: metadata, ...tensors } = header;
  for (const [tensor, entry] of Object.entries<Record<string, number[]>>(tensors)) {
    const { shape, data_offsets: [from, to] } = entry;
    found[`${name} ${tensor}`] = `${shape} ${await sha256(file.slice(8 + length + from, 8 + length + to))}`;
  }
  for (const [key, text] of Object.entries<string>(metadata)) {
    const fields = text.startsWith("{") ? JSON.parse(text) : { "": text };
    for (const [field, value] of Object.entries(fields)) {
      found[`${name} ${[key, field].filter(Boolean).join(".")}`] = JSON.stringify(value);
    }
  }
  return found;
}

async function adtr(folder: string, cli: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", cli, ...args],
    cwd: folder,
    env: { NO_COLOR: "1", NODEVICE_SELECT: "1", XDG_CACHE_HOME: join(folder, "cache") },
  }).output();
  if (code !== 0) throw new Error(`adtr ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function make(path: string, cli: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "adtr-bytes-" }), digests: Digests = {};
  for (const [name, options] of Object.entries(RUNS)) {
    const data = [
      "--category",
      CATEGORIES.join(","),
      "--seed",
      "1",
      "--preset",
      "demo",
      "--backbone",
      "gabor",
    ];
    await adtr(folder, cli, "train", ...data, ...options, "--out", name);
    for (const category of CATEGORIES) {
      const run = join(name, category), model = join(run, "model.safetensors");
      await adtr(
        folder,
        cli,
        "score",
        "--model",
        model,
        "--out",
        `${run}-scores`,
        `demo-data/${category}/test`,
      );
      Object.assign(digests, await modelDigests(join(folder, model), `${run}/model`));
      const metrics = JSON.parse(await Deno.readTextFile(join(folder, run, "metrics.json")));
      for (const [metric, value] of Object.entries(metrics[category])) {
        digests[`${run}/metrics ${metric}`] = String(value);
      }
      const rows = (await Deno.readTextFile(join(folder, `${run}-scores`, "scores.csv"))).trimEnd().split(
        "\n",
      );
      const twoColumns = rows.map((row) => row.split(",").slice(0, 2).join(",")).join("\n");
      digests[`${run}/scores`] = await sha256(new TextEncoder().encode(twoColumns));
    }
    console.error(`${name}: ${Object.keys(digests).length} digests`);
  }
  await Deno.writeTextFile(path, JSON.stringify(digests, null, 1) + "\n");
  await Deno.remove(folder, { recursive: true });
}

async function compare(...paths: string[]): Promise<number> {
  const [before, after] = await Promise.all(
    paths.map(async (path): Promise<Digests> => JSON.parse(await Deno.readTextFile(path))),
  );
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter((name) => before[name] !== after[name]);
  const meant = (name: string) => MEANT.find(([field]) => field.test(name))?.[1];
  for (const name of changed) {
    console.log(
      `${name}: ${before[name] ?? "none"} -> ${after[name] ?? "none"} (${meant(name) ?? "NOT MEANT"})`,
    );
  }
  const wrong = changed.filter((name) => meant(name) === undefined).length;
  console.log(`${names.length} fields, ${changed.length} changed, ${wrong} of them without a reason`);
  return wrong > 0 ? 1 : 0;
}

const [command, ...rest] = Deno.args;
if (command === "make") {
  const at = rest.indexOf("--cli");
  await make(
    rest[0],
    at < 0 ? join(import.meta.dirname!, "..", "cli.ts") : await Deno.realPath(rest[at + 1]),
  );
} else if (command === "compare") Deno.exit(await compare(...rest));
else throw new Error(`Expected make or compare, but found ${command}`);
