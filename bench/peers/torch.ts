/**
 * PyTorch on the CPU, without any GPU API: the training step in a child process (torch_step.py). `PYTHON` names the
 * interpreter, /usr/bin/python3 by default.
 *
 * @module
 */
import { join } from "node:path";
import { ADAMW, concatenate, type Engine, initialParameters, type Job, type TrainingTask } from "./engine.ts";

/** With that many threads. */
export function torchEngine(threads: number): Engine {
  return {
    name: `PyTorch CPU, ${threads} thread${threads > 1 ? "s" : ""}`,
    gemm: () => "",
    efficientNet: () => "",
    training: (task) => training(task, threads),
  };
}

async function training({ config, B, features }: TrainingTask, threads: number): Promise<Job> {
  const folder = await Deno.makeTempDir({ prefix: "adtr-peers-" });
  const parameters = initialParameters(config);
  const shapes = Object.fromEntries(parameters.map(({ name, shape }) => [name, shape]));
  const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  await Deno.writeTextFile(
    join(folder, "config.json"),
    JSON.stringify({ ...config, B, shapes, adamw: ADAMW }),
  );
  await Deno.writeFile(
    join(folder, "parameters.bin"),
    bytes(concatenate(parameters.map(({ data }) => data))),
  );
  await Deno.writeFile(join(folder, "features.bin"), bytes(features));
  const python = new Deno.Command(Deno.env.get("PYTHON") ?? "/usr/bin/python3", {
    args: [join(import.meta.dirname!, "torch_step.py"), folder, String(threads)],
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
