/**
 * Load on `adtr serve`: many clients on loopback for a while, beside what `score` does with the same images and model.
 *
 *     NODEVICE_SELECT=1 deno run -A bench/serve/main.ts [CLIENTS] [SECONDS] [ROUNDS] > serve.md   # by default 64 60 3: 6 minutes
 *
 * A model (padim on the bundled EfficientNet-Lite0 at 128×128 pixels) learns from procedural images of 256×256. A round is
 * `scoreImages` (what `score` runs; no cache, no heat maps) for a third of the time, then a server that all clients send one
 * image after another, then `scoreImages` again. The server's queue is shorter than there are clients, so that some are refused
 * and have to come again. Every answer's score has to be the one that `scoreImages` gives. Rates are comparable within a round
 * only, as other users of a machine come and go; the processor's time an image takes is less shy of them, where the GPU is
 * played by the processor.
 *
 * @module
 */
import { join } from "node:path";
import { Gpu } from "../../src/gpu/gpu.ts";
import { openCategory } from "../../src/host/dataset.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { openModel } from "../../src/host/open_model.ts";
import { table } from "../../src/report/table.ts";
import type { Model } from "../../src/score/model.ts";
import { scoreImages } from "../../src/score/score.ts";
import { train } from "../../src/train/train.ts";

const [CLIENTS = 64, SECONDS = 60, ROUNDS = 3] = Deno.args.map(Number);
const QUEUE = Math.ceil(CLIENTS * 3 / 4), IMAGES = 64;
const CLI = join(import.meta.dirname!, "..", "..", "cli.ts");
const HEAD = [
  "round",
  "score, images/s",
  "serve, images/s",
  "ratio",
  "score, CPU ms an image",
  "serve, CPU ms an image",
  "refused, came again",
  "lost",
  "wrong",
  "RSS, MiB",
];

/** Images that were scored. */
interface Rate {
  done: number;
  seconds: number;
  /** The processor's time that it took, seconds. */
  cpu: number;
}

const folder = await Deno.makeTempDir();
try {
  const sizes = { size: 256, train: 40, testGood: IMAGES, testPerDefect: 0 };
  await makeDataset(folder, { categories: ["bottle"], ...sizes });
  const { train: normal, test } = await openCategory(folder, "bottle"), paths = test.map(({ path }) => path);
  using gpu = await Gpu.open();
  const path = join(folder, "model.safetensors");
  await Deno.writeFile(path, await learn(gpu, normal));
  using model = await openModel(gpu, path);
  const scores: number[] = [];
  for await (const { score } of scoreImages(model, paths)) scores.push(score); // compiles kernels too
  await using server = await startServer(path);
  await load(server, paths, scores, SECONDS / 10); // the same there, and starts threads
  console.error(
    `${CLIENTS} clients, ${SECONDS} s a round, --queue ${QUEUE}, ${IMAGES} images of 256×256 pixels`,
  );
  const rows = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await scoreFor(SECONDS / 3, model, paths);
    const { again, lost, wrong, memory, ...served } = await load(server, paths, scores, SECONDS);
    const scored = sum(before, await scoreFor(SECONDS / 3, model, paths));
    const a = scored.done / scored.seconds, b = served.inTime / SECONDS;
    const cpu = ({ cpu, done }: Rate): string => (1000 * cpu / done).toFixed(0);
    const own = memory.map((bytes) => (bytes / 2 ** 20).toFixed(0)).join(" ");
    rows.push([
      round,
      a.toFixed(2),
      b.toFixed(2),
      (b / a).toFixed(3),
      cpu(scored),
      cpu(served),
      again,
      lost,
      wrong,
      own,
    ]);
    console.error(table(rows.slice(-1), HEAD));
  }
  console.log([HEAD, HEAD.map(() => "--"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** A model file's bytes. */
async function learn(gpu: Gpu, paths: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const data = await Promise.all(paths.map((path) => Deno.readFile(path)));
  using model = await train(gpu, { data, method: "padim", settings: { threshold: "none" } });
  return await model.toBytes();
}

/** Scores all images over and over, at least for some seconds. */
async function scoreFor(duration: number, model: Model, paths: readonly string[]): Promise<Rate> {
  const started = performance.now(),
    cpu = await cpuOf(Deno.pid),
    elapsed = () => (performance.now() - started) / 1000;
  let done = 0;
  while (elapsed() < duration) for await (const _ of scoreImages(model, paths)) done++;
  return { done, seconds: elapsed(), cpu: await cpuOf(Deno.pid) - cpu };
}

function sum(a: Rate, b: Rate): Rate {
  return { done: a.done + b.done, seconds: a.seconds + b.seconds, cpu: a.cpu + b.cpu };
}

interface RunningServer extends AsyncDisposable {
  url: string;
  pid: number;
}

async function startServer(model: string): Promise<RunningServer> {
  const args = ["run", "-A", CLI, "serve", "--model", model, "--port", "0", "--quiet", "--queue", `${QUEUE}`];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The server did not start");
    said += value;
  }
  return {
    url: /http:\S+[^/\s]/.exec(said)![0],
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      if (code !== 0) throw new Error(`Expected the server to end with 0, but found ${code}`);
      await reader.cancel();
    },
  };
}

/** What became of the images that clients sent. */
interface Load extends Rate {
  /** Images that were answered before the time was over; then clients that were told to come again do so, one by one. */
  inTime: number;
  /** Answers 429. */
  again: number;
  /** Images without an answer, or with another status than 200 or 429. */
  lost: number;
  /** Answers with another score. */
  wrong: number;
  /** The server's resident bytes: at the beginning, and every tenth of the time. */
  memory: number[];
}

/** Sends images from all clients for some seconds; each waits for its answer, and comes again where it is told to. */
async function load(
  { url, pid }: RunningServer,
  paths: readonly string[],
  scores: readonly number[],
  duration: number,
): Promise<Load> {
  const files = await Promise.all(paths.map((path) => Deno.readFile(path)));
  const cpu = await cpuOf(pid), memory = [await memoryOf(pid)];
  const found = { done: 0, inTime: 0, again: 0, lost: 0, wrong: 0 };
  const started = performance.now(), elapsed = (): number => (performance.now() - started) / 1000;
  let next = 0;
  const client = async (): Promise<void> => {
    while (elapsed() < duration) {
      const i = next++ % files.length;
      let status: number | undefined;
      while (status === undefined || status === 429) {
        const response = await fetch(`${url}/v1/score`, { method: "POST", body: files[i] }).catch(() => null);
        const body = await response?.json().catch(() => null);
        status = response?.status ?? 0;
        if (status === 429) {
          found.again++;
          const seconds = Number(response!.headers.get("retry-after")) * (0.5 + Math.random());
          await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
        } else if (status !== 200) found.lost++;
        else {
          found.done++;
          if (elapsed() <= duration) found.inTime++;
          if (body.results[0].score !== scores[i]) found.wrong++;
        }
      }
    }
  };
  const watch = setInterval(async () => memory.push(await memoryOf(pid)), 1000 * duration / 10);
  await Promise.all(Array.from({ length: CLIENTS }, client)); // also those who came at the very end are answered
  clearInterval(watch);
  return { ...found, seconds: elapsed(), cpu: await cpuOf(pid) - cpu, memory };
}

/** Bytes of a process that are in memory. */
async function memoryOf(pid: number): Promise<number> {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))![1]);
}

/** The processor's time that a process took, seconds; of all its threads, and at Linux's 100 ticks a second. */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
