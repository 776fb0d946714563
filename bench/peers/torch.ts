/**
 * PyTorch on the CPU, without any GPU API: the training steps in child processes (torch_*.py). `PYTHON` names the
 * interpreter, /usr/bin/python3 by default.
 *
 * @module
 */
import { join } from "node:path";
import {
  ADAMW,
  AUTOENCODER,
  AUTOENCODER_LAYERS,
  autoencoderParameters,
  concatenate,
  type Engine,
  initialParameters,
  type Job,
  type Parameter,
  ssimWindow,
} from "./engine.ts";

/** With that many threads. */
export function torchEngine(threads: number): Engine {
  return {
    name: `PyTorch CPU, ${threads} thread${threads > 1 ? "s" : ""}`,
    gemm: () => "",
    efficientNet: () => "",
    training: ({ config, B, features }) => {
      const parameters = initialParameters(config);
      return child("torch_step.py", { ...config, B }, parameters, features, threads);
    },
    autoencoder: ({ loss, B, images }) => {
      const layers = AUTOENCODER_LAYERS, ssim = ssimWindow(AUTOENCODER.S);
      return child(
        "torch_autoencoder.py",
        { ...AUTOENCODER, B, loss, layers, ssim },
        autoencoderParameters(),
        images,
        threads,
      );
    },
  };
}

/** A script that makes training steps on `data` in a process of its own. */
async function child(
  script: string,
  config: object,
  parameters: readonly Parameter[],
  data: Float32Array,
  threads: number,
): Promise<Job> {
  const folder = await Deno.makeTempDir({ prefix: "adtr-peers-" });
  const shapes = Object.fromEntries(parameters.map(({ name, shape }) => [name, shape]));
  const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  await Deno.writeTextFile(
    join(folder, "config.json"),
    JSON.stringify({ ...config, shapes, adamw: ADAMW }),
  );
  await Deno.writeFile(
    join(folder, "parameters.bin"),
    bytes(concatenate(parameters.map(({ data }) => data))),
  );
  await Deno.writeFile(join(folder, "data.bin"), bytes(data));
  const python = new Deno.Command(Deno.env.get("PYTHON") ?? "/usr/bin/python3", {
    args: [join(import.meta.dirname!, script), folder, String(threads)],
    stdin: "piped",
    stdout: "piped",
    env: { OMP_NUM_THREADS: String(threads) },
  }).spawn();
  const stdin = python.stdin.getWriter();
  const stdout = linesOf(python.stdout);
  const answer = async () => {
    if ((await stdout.next()).done) throw new Error("PyTorch's process ended; its message is above");
  };
  const ask = async (line: string | number) => {
    await stdin.write(new TextEncoder().encode(`${line}\n`));
    await answer();
  };
  await answer(); // it has printed its version
  return {
    run: ask,
    async result() {
      await ask("moments");
      const { buffer } = await Deno.readFile(join(folder, "moments.bin"));
      let at = 0;
      return parameters.map(({ data }) =>
        new Float32Array(buffer, 4 * (at += data.length) - 4 * data.length, data.length)
      );
    },
    close() {
      stdin.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}
