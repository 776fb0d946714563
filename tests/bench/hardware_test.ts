/**
 * The measuring script of bench/hardware: its arguments, which driver it takes, and that its report is whole whatever a part
 * does. What it measures is not looked at.
 *
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { recordIn, runChild } from "../../bench/hardware/child.ts";
import { DEFAULTS, parseOptions } from "../../bench/hardware/options.ts";
import { Report } from "../../bench/hardware/report.ts";
import { summaryOf } from "../../bench/hardware/summary.ts";
import { choose, manifestsIn } from "../../bench/hardware/vulkan.ts";
import { stateDict } from "../../bench/hardware/weights.ts";
import { madeUpWeights } from "../../src/bench/weights.ts";
import { B4 } from "../../src/model/backbones.ts";
import { loadEfficientNet } from "../../src/model/efficientnet_weights.ts";
import { inFolder } from "../folder.ts";

Deno.test("arguments", () => {
  const defaults = parseOptions([])!;
  deepEqual([defaults.adapter, defaults.python, defaults.quick, defaults.parts], [
    "auto",
    "python3",
    false,
    DEFAULTS,
  ]);
  ok(defaults.seconds < 420);
  const other = parseOptions([
    "--quick",
    "--parts",
    "paper,adapter",
    "--python=/p",
    "--seconds",
    "9",
    "--out",
    "o",
  ])!;
  deepEqual([other.quick, other.parts, other.python, other.seconds], [true, ["adapter", "paper"], "/p", 9]);
  equal(parseOptions(["--help"]), null);
  for (
    const [args, message] of [
      [["--parts", "adapter,nosuch"], /^Expected --parts of adapter, .* but found nosuch$/],
      [["--parts", ""], /but found nothing$/],
      [["--adapter", "cuda"], /^Expected --adapter to be one of /],
      [["--seconds", "0"], /^Expected --seconds to be 1 to 86400, but found 0$/],
      [["--seconds", "soon"], /but found soon$/],
      [["--out", ""], /^Expected --out and --python to be paths$/],
      [["--nosuch"], /--nosuch/],
      [["extra"], /extra/],
    ] as [string[], RegExp][]
  ) throws(() => parseOptions(args), { name: "TypeError", message });
});

Deno.test("NVIDIA's driver is taken with its manifest, or with one that is written", () => {
  const lvp = { path: "/icd/lvp.json", library: "libvulkan_lvp.so" };
  const intel = { path: "/icd/intel.json", library: "/usr/lib/libvulkan_intel.so" };
  const nvidia = { path: "/icd/nvidia.json", library: "libGLX_nvidia.so.0" };
  const glx = "/lib/libGLX_nvidia.so.0", egl = "/lib/libEGL_nvidia.so.0";
  const pick = (...args: Parameters<typeof choose>) => {
    const { manifests, write } = choose(...args);
    return [manifests, write];
  };
  deepEqual(pick("auto", [lvp, nvidia], [glx]), [[nvidia.path], null]);
  deepEqual(pick("hardware", [lvp], [glx, egl]), [null, glx]);
  deepEqual(pick("auto", [nvidia], [egl]), [null, egl]); // the one that the manifest names can't be loaded
  deepEqual(pick("auto", [lvp, intel], []), [null, null]);
  deepEqual(pick("hardware", [lvp, intel], []), [[intel.path], null]);
  deepEqual(pick("software", [lvp, nvidia], [glx]), [[lvp.path], null]);
  throws(() => choose("software", [nvidia], [glx]), /Expected a software driver/);
  throws(() => choose("hardware", [lvp], []), /Expected a driver of hardware/);
});

Deno.test("manifests that are none are passed over, and folders that are not there", async () => {
  await inFolder((folder) => {
    const put = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);
    put("a.json", '{"ICD": {"library_path": "liba.so"}}');
    put("b.json", "{");
    put("c.json", "null");
    put("d.json", '{"ICD": {"library_path": 3}}');
    put("e.txt", "");
    deepEqual(manifestsIn([folder, join(folder, "nosuch")]), [{
      path: join(folder, "a.json"),
      library: "liba.so",
    }]);
    return Promise.resolve();
  });
});

Deno.test("a part that is ended, fails or is not there leaves a whole report, and what it found", async () => {
  await inFolder(async (folder) => {
    const report = new Report(folder, { about: "a test" });
    const run = (part: string, command: string, args: string[], seconds = 20) =>
      runChild(report, { part, command, args, env: {}, seconds });
    const sh = (text: string) => ["-c", text];
    equal(
      await run("good", "sh", sh(`echo '{"found": 1}'; echo words; echo '{no json'; echo trouble >&2`)),
      "done",
    );
    equal(await run("bad", "sh", sh(`echo '{"found": 2}'; exit 3`)), "failed");
    equal(await run("killed", "sh", sh(`echo '{"found": 3}'; kill -9 $$`)), "failed");
    const began = performance.now();
    // A grandchild that holds the pipe goes too.
    equal(await run("slow", "sh", sh(`echo '{"found": 4}'; sleep 60 & sleep 60`), 0.5), "out of time");
    ok(performance.now() - began < 15_000);
    equal(await run("missing", "/nosuch/program", []), "failed");
    equal(await run("after", "sh", sh("echo end")), "done");
    const { about, parts } = JSON.parse(await Deno.readTextFile(join(folder, "hardware.json")));
    equal(about, "a test");
    const statuses = Object.entries<{ status: string }>(parts).map(([name, { status }]) => [name, status]);
    deepEqual(Object.fromEntries(statuses), {
      good: "done",
      bad: "failed",
      killed: "failed",
      slow: "out of time",
      missing: "failed",
      after: "done",
    });
    deepEqual(
      ["good", "bad", "killed", "slow"].map((name) => parts[name].records),
      [1, 2, 3, 4].map((found) => [{ found }]),
    );
    const log = await Deno.readTextFile(join(folder, "hardware.log"));
    for (
      const line of [
        "words",
        "{no json",
        "good: trouble",
        "bad ended with code 3",
        "killed ended with SIGKILL",
      ]
    ) {
      ok(log.includes(`] ${line}\n`), `${line} in\n${log}`);
    }
    match(log, /missing could not be run: [^\n]*\n.*\n.*after, at most/);
    equal((await Array.fromAsync(Deno.readDir(folder))).length, 2); // and nothing half written
  });
});

Deno.test("only objects in a line of their own are records", () => {
  deepEqual(recordIn('{"a": 1}'), { a: 1 });
  for (const line of ["", "1", "[1]", '{"a": ', ' {"a": 1}', "{}x"]) equal(recordIn(line), null, line);
});

Deno.test("summaries tell failures, and what a training that did not end would take", () => {
  const tests = summaryOf("tests", [
    { file: "a_test.ts", status: "passed", passed: 3, ignored: 1, failures: [] },
    {
      file: "b_test.ts",
      status: "failed",
      passed: 1,
      ignored: 0,
      failures: [{ name: "sums", message: "1\n2" }],
    },
    {
      file: "c_test.ts",
      status: "ended with SIGSEGV",
      passed: 0,
      ignored: 0,
      failures: [],
      stderr: ["crash"],
    },
    { file: "d_test.ts", status: "not run: no time left" },
  ]);
  equal(
    tests,
    "4 files: 4 tests passed, 1 failed, 1 ignored\nb_test.ts: failed\n  sums: 1\n    2\nc_test.ts: ended with SIGSEGV\n" +
      "  crash\nd_test.ts: not run: no time left",
  );
  const progress = (seconds: number, steps: number) => ({ what: "progress", seconds, steps, of_steps: 100 });
  const paper = summaryOf("paper", [progress(10, 0), progress(20, 10), progress(30, 30)]);
  match(paper, /^500 ms a step between step 10 and 30\n/);
  match(paper, /all 100 steps would end after about 65 s \(extrapolated\)$/);
  const row = { name: "gemm", shape: "1x2x3", note: "n", adtr_ms: 2, torch_ms: 1, torch_tf32_ms: null };
  const peers = summaryOf("peers", [{ torch: {} }, { row }, {
    row: { name: "b", shape: "4", note: "" },
    error: "no",
  }]);
  match(peers, /gemm +1x2x3 +n +2\.00 +1\.00 +2\.00/);
  match(peers, /\nb 4: no$/);
  equal(summaryOf("bench", []), "");
});

Deno.test("the weight file is read as the benchmark's made-up weights", () => {
  const file = { path: "b4.safetensors", tensors: stateDict(), metadata: {} };
  const { stem, blocks } = loadEfficientNet(file, "efficientnet_b4", B4), right = madeUpWeights();
  const layers = (
    of: typeof right,
  ) => [of.stem, ...of.blocks.flatMap((b) => [b.expand, b.depthwise, b.reduce, b.excite, b.project])];
  const found = layers({ ...right, stem, blocks });
  layers(right).forEach((layer, i) => {
    equal(layer === null, found[i] === null);
    if (!layer) return;
    equal(found[i]!.weight.length, layer.weight.length);
    for (const [j, value] of [layer.weight[0], layer.weight.at(-1)!].entries()) {
      ok(Math.abs(found[i]!.weight.at(-j)! - value) < 1e-6, `layer ${i}`);
    }
    ok(Math.abs(found[i]!.bias[0] - layer.bias[0]) < 1e-6);
  });
});
