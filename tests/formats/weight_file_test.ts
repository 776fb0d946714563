import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { inspectWeights } from "../../src/host/inspect_weights.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import { writeSafetensors } from "../../src/host/tensor_files.ts";
import { expectTensor, stored } from "../../src/formats/tensor_file.ts";
import { convertWeights, readWeightFile } from "../../src/host/tensor_files.ts";
import { filledStateDict } from "../golden/features_fill.ts";
import { inFolder } from "../folder.ts";
import { latin1 } from "../reference/checkpoint.ts";

const golden = (name: string) => new URL(`../golden/pth_${name}.pth`, import.meta.url).pathname;

Deno.test("formats are told apart by content, whatever the file's name", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/weights.bin`;
    const bytes = serializeSafetensors(new Map([["a", stored(Float32Array.of(1))]]), { made: "here" });
    await Deno.writeFile(path, bytes);
    const file = await readWeightFile(path);
    assert.equal(file.format, "safetensors");
    assert.equal(file.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.deepEqual(file.metadata, { made: "here" });
    assert.equal((await readWeightFile(golden("zip"))).format, "PyTorch");
    assert.equal((await readWeightFile(golden("legacy"))).format, "PyTorch (legacy)");
  });
});

Deno.test("the prefix of DataParallel goes where all names have it", async () => {
  assert.deepEqual([...(await readWeightFile(golden("nested"))).tensors.keys()], ["weight", "steps"]);
  await inFolder(async (folder) => {
    const path = `${folder}/mixed`, a = stored(Float32Array.of(1));
    await writeSafetensors(path, new Map([["module.a", a], ["a", a]]));
    assert.deepEqual([...(await readWeightFile(path)).tensors.keys()], ["module.a", "a"]);
  });
});

Deno.test("wrappers' prefixes go within each other, and what an average counts goes with them", async () => {
  const read = async (
    key: string,
  ) => [...(await readWeightFile(golden("several"), { weights_key: key })).tensors.keys()];
  assert.deepEqual(await read("net"), ["weight", "bias"]);
  assert.deepEqual(await read("ema.state_dict"), ["weight", "bias"]);
  await inFolder(async (folder) => {
    const path = `${folder}/w`, a = stored(Float32Array.of(1));
    await writeSafetensors(path, new Map([["module._orig_mod.module.a", a]]));
    assert.deepEqual([...(await readWeightFile(path)).tensors.keys()], ["a"]);
    await writeSafetensors(path, new Map([["n_averaged", a]]));
    assert.deepEqual([...(await readWeightFile(path)).tensors.keys()], ["n_averaged"]);
    await writeSafetensors(path, new Map([[`${"module.".repeat(100_000)}a`, a]]));
    assert.equal((await readWeightFile(path)).tensors.size, 1); // not taken off one by one without end
    await assert.rejects(() => readWeightFile(path, { weights_key: "net" }), {
      name: "SettingError",
      message:
        `Expected no weights_key for ${path}, a safetensors file, which has one state dict, but found net`,
    });
  });
});

Deno.test("what is no weight file is refused by name", async () => {
  const cases: [content: Uint8Array, message: RegExp][] = [
    [new Uint8Array(0), /safetensors file or a PyTorch checkpoint in .*\/w, but found an empty file$/],
    [latin1("name,value\na,1\n"), /in .*\/w, but found something else$/],
    [latin1("\x80\x04\x95\x1f\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93."), /something else$/],
    [latin1("\x89PNG\r\n\x1a\n").slice(0, 8), /something else$/],
    [latin1("PK\x03\x04"), /PyTorch checkpoint of tensors and dicts in .*\/w, but found no directory/],
    [latin1("\xff\xff\0\0\0\0\0\0{}"), /\/w is not a valid safetensors file: expected a header of at most 2/],
  ];
  await inFolder(async (folder) => {
    for (const [content, message] of cases) {
      await Deno.writeFile(`${folder}/w`, content);
      await assert.rejects(() => readWeightFile(`${folder}/w`), { name: "InputError", message });
    }
    const missing = { name: "InputError", message: /Can't read .*\/none: No such file or directory$/ };
    await assert.rejects(() => readWeightFile(`${folder}/none`), missing);
  });
});

Deno.test("a checkpoint becomes safetensors with the same tensors", async () => {
  await inFolder(async (folder) => {
    const output = `${folder}/converted.safetensors`;
    await convertWeights(golden("legacy"), output);
    const { tensors } = parseSafetensors(await Deno.readFile(output), output);
    assert.deepEqual(tensors, (await readWeightFile(golden("legacy"))).tensors);
    await convertWeights(golden("several"), output, { weights_key: "net" });
    assert.deepEqual([...(await readWeightFile(output)).tensors.keys()], ["weight", "bias"]);
    await convertWeights(golden("legacy"), output);
    const again = `${folder}/again.safetensors`;
    await convertWeights(output, again);
    assert.deepEqual(await Deno.readFile(again), await Deno.readFile(output));
  });
});

Deno.test("weights become float16 but for vectors, where float16 has them, and are read as before", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/w.safetensors`, output = `${folder}/half.safetensors`;
    const weight = Float32Array.of(1, 1 / 3, -2e-8, 65504), bias = Float32Array.of(1 / 3, 2e-8);
    const steps = Int32Array.of(1, 2);
    const tensors = new Map([
      ["weight", stored(weight, [2, 2])],
      ["bias", stored(bias)],
      ["steps", stored(steps, [1, 2])],
    ]);
    await writeSafetensors(path, tensors);
    await convertWeights(path, output, { halve: true });
    const file = await readWeightFile(output);
    assert.deepEqual(file.tensors.get("bias"), tensors.get("bias"));
    assert.deepEqual(file.tensors.get("steps"), tensors.get("steps"));
    assert.equal(file.tensors.get("weight")!.dtype, "F16");
    assert.deepEqual(expectTensor(file, "weight", [2, 2]), Float32Array.of(1, 0.333251953125, -0, 65504));

    weight[3] = 65520; // would round to infinity
    await writeSafetensors(path, new Map([["weight", stored(weight, [2, 2])]]));
    await assert.rejects(convertWeights(path, output, { halve: true }), {
      name: "InputError",
      message: /finite numbers in weight, in float16, of .*w.safetensors, but found Infinity at position 3/,
    });
    assert.ok((await readWeightFile(output)).tensors.has("bias"), "what was there is left alone");
  });
});

Deno.test("a weight file's report has what a person wants to know", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/b4.safetensors`;
    await writeSafetensors(path, filledStateDict("EfficientNet-PyTorch"));
    const report = await inspectWeights(path);
    assert.equal(report.naming, "EfficientNet-PyTorch");
    assert.deepEqual([report.network, report.backbone], ["EfficientNet-B4", "efficientnet_b4"]);
    assert.equal(report.problem, null);
    assert.equal(report.parameters, 19_341_616); // as PyTorch counts
    assert.equal(report.tensors.length, 706);
    assert.deepEqual(report.tensors[0], { name: "_conv_stem.weight", dtype: "F32", shape: [48, 3, 3, 3] });
  });
  const other = await inspectWeights(golden("nested"));
  assert.deepEqual([other.naming, other.key], [null, "state_dict"]);
  assert.deepEqual([other.network, other.backbone], [null, null]);
  assert.match(
    other.problem ?? "",
    /^Expected the weights of .*, ResNet-18, .* in .*\/pth_nested.pth, but found \d+ other tensors$/,
  );
  assert.equal(other.parameters, 3);
});
