import assert from "node:assert/strict";
import { type AdtrConfig, adtrShapes, ARCHITECTURES, initialAdtr } from "../../src/model/adtr.ts";
import type { ModelState } from "../../src/methods/adtr/detector.ts";
import { readModel, readParameters, writeModel } from "../../src/model/model_file.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { stored, type StoredTensor } from "../../src/formats/tensor_file.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import golden from "../golden/adtr.json" with { type: "json" };

const CONFIG = { C: 5, H: 2, W: 3, D: 8, A: 2, F: 4, encoder: 1, decoder: 2, dropout: 0.1 };
const INFO = { backbone: "gabor", lr: 1e-4, shuffle: true };

/** A model with everything a file can hold. */
const STATE: ModelState = {
  config: CONFIG,
  parameters: initialAdtr(CONFIG, 2),
  normalisation: { mean: fill("mean", 6 * 5), deviation: fill("deviation", 5, 0.5, 2) },
  covariance: fill("covariance", 25),
};

/** Runs with the path of a model file that was just written. */
function withModel(test: (path: string) => Promise<void>, state = STATE): Promise<void> {
  return inFolder(async (folder) => {
    await writeModel(`${folder}/m.safetensors`, state, INFO);
    await test(`${folder}/m.safetensors`);
  });
}

function values({ parameters }: ModelState): Map<string, number[]> {
  return new Map([...parameters].map(([name, { data }]) => [name, Array.from(data)]));
}

Deno.test("what is written is read again", async () => {
  await withModel(async (path) => {
    const { state, info } = await readModel(path);
    assert.deepEqual(info, INFO);
    assert.deepEqual(values(state), values(STATE));
    const { config, normalisation, covariance } = STATE;
    assert.deepEqual({ ...state, parameters: null }, {
      config: { ...config, architecture: "adtr" },
      normalisation,
      covariance,
      parameters: null,
    });
  });
  const bare = { ...STATE, normalisation: null, covariance: null };
  await withModel(async (path) => {
    const { state } = await readModel(path);
    assert.deepEqual([state.normalisation, state.covariance], [null, null]);
  }, bare);
});

Deno.test("names, shapes and the order of dimensions are PyTorch's", async () => {
  await withModel(async (path) => {
    const { tensors } = await readSafetensors(path);
    const shapes = new Map([...tensors].map(([name, { shape }]) => [name, [...shape]]));
    assert.deepEqual(
      shapes,
      new Map([
        ...adtrShapes(CONFIG),
        ["feature_mean", [5, 2, 3]],
        ["feature_std", [5]],
        ["residual_covariance", [5, 5]],
      ]),
    );
    const mean = tensors.get("feature_mean")!.bytes.slice();
    assert.equal(new Float32Array(mean.buffer)[2 * 6 + 4], STATE.normalisation!.mean[4 * 5 + 2]); // channel 2 at (1, 1)
  });
});

Deno.test("the same model gives the same bytes, in whatever order its parameters come", async () => {
  await withModel(async (path) => {
    const first = await Deno.readFile(path);
    const parameters = new Map([...STATE.parameters].reverse());
    await writeModel(path, { ...STATE, parameters }, INFO);
    assert.deepEqual(await Deno.readFile(path), first);
    const { state, info } = await readModel(path);
    await writeModel(path, state, info);
    assert.deepEqual(await Deno.readFile(path), first);
  });
});

for (const architecture of ARCHITECTURES) {
  Deno.test(`a model of the architecture ${architecture} is written, and read as such`, async () => {
    const config: AdtrConfig = { ...CONFIG, architecture };
    const state = { ...STATE, config, parameters: initialAdtr(config, 5) };
    await withModel(async (path) => {
      const { state: found } = await readModel(path);
      assert.equal(found.config.architecture ?? "adtr", architecture);
      assert.deepEqual(values(found), values(state));
      assert.deepEqual(values({ ...state, parameters: await readParameters(path, config) }), values(state));
      for (const other of ARCHITECTURES) {
        if (other === architecture) continue;
        await assert.rejects(() => readParameters(path, { ...CONFIG, architecture: other }), {
          name: "InputError",
          message:
            `Expected parameters of the architecture ${other} in ${path}, but found those of ${architecture}`,
        });
      }
    }, state);
  });
}

Deno.test("the paper's architecture leaves no trace in the file", async () => {
  await withModel(async (path) => {
    const before = await Deno.readFile(path);
    await writeModel(path, { ...STATE, config: { ...CONFIG, architecture: "adtr" } }, INFO);
    assert.deepEqual(await Deno.readFile(path), before);
  });
});

Deno.test("models that can't be are refused by name", async () => {
  await withModel(async (path) => {
    const file = await readSafetensors(path);
    const config = (change: object): Record<string, string> => ({
      ...file.metadata,
      model: JSON.stringify({ ...CONFIG, ...change }),
    });
    const tensor = (name: string, replacement?: StoredTensor): Map<string, StoredTensor> => {
      const tensors = new Map(file.tensors);
      if (replacement) tensors.set(name, replacement);
      else tensors.delete(name);
      return tensors;
    };
    const sizes = /^Expected a model's sizes in the metadata of .*m\.safetensors, but found {"C":/;
    const cases: [tensors: Map<string, StoredTensor>, metadata: Record<string, string>, message: RegExp][] = [
      [file.tensors, {}, /^Expected a model written by train in .*, but found a file of tensors without its/],
      [file.tensors, { ...file.metadata, format: "adtr 2" }, /, but found the format "adtr 2"$/],
      [file.tensors, { ...file.metadata, model: "{" }, /^Expected settings as JSON in the metadata of .*{$/],
      [file.tensors, { ...file.metadata, config: "[1]" }, /^Expected settings as JSON .* but found \[1\]$/],
      [file.tensors, { ...file.metadata, config: "null" }, /^Expected settings as JSON .* but found null$/],
      [file.tensors, { format: "adtr 1" }, /^Expected settings as JSON .*, but found none$/],
      [file.tensors, config({ A: 3 }), sizes],
      [file.tensors, config({ H: 0 }), sizes],
      [file.tensors, config({ F: 2.5 }), sizes],
      [file.tensors, config({ C: "5" }), sizes],
      [file.tensors, config({ D: undefined }), sizes],
      [file.tensors, config({ dropout: 1 }), sizes],
      [file.tensors, config({ encoder: 1e9 }), sizes],
      [
        file.tensors,
        config({ architecture: "rnn" }),
        /^Expected one of the architectures adtr, no-query, no-attention, conv in .*m\.safetensors, but found "rnn"$/,
      ],
      [
        file.tensors,
        config({ architecture: "conv" }),
        /^Expected a tensor encoder\.layers\.0\.conv\.weight in .*, but found none of that name$/,
      ],
      [
        file.tensors,
        config({ decoder: 3 }),
        /^Expected a tensor decoder\.layers\.2\.self_attn\.in_proj_weight/,
      ],
      [
        file.tensors,
        config({ W: 4 }),
        /^Expected feature_mean in .* to have shape \[5,2,4\], but found \[5,2,3\]/,
      ],
      [
        tensor("query_embed.weight"),
        file.metadata,
        /^Expected a tensor query_embed\.weight in .*m\.safetensors, but found none of that name$/,
      ],
      [tensor("feature_mean"), file.metadata, /^Expected a tensor feature_mean in /],
      [tensor("feature_std"), file.metadata, /^Expected a tensor feature_std in /],
      [
        tensor("feature_std", stored(Float32Array.of(1, 1, 0, 1, 1))),
        file.metadata,
        /^Expected numbers above 0 in feature_std of .*m\.safetensors, but found 0$/,
      ],
      [
        tensor("residual_covariance", stored(new Float32Array(16), [4, 4])),
        file.metadata,
        /^Expected residual_covariance in .* to have shape \[5,5\], but found \[4,4\]$/,
      ],
      [
        tensor("output_proj.bias", stored(Float32Array.of(0, 1, NaN, 3, 4))),
        file.metadata,
        /^Expected finite numbers in output_proj\.bias of .*, but found NaN at position 2$/,
      ],
      [
        tensor("output_proj.bias", stored(Int32Array.of(0, 1, 2, 3, 4))),
        file.metadata,
        /^Expected output_proj\.bias in .* to hold floating-point numbers, but found dtype I32$/,
      ],
    ];
    for (const [tensors, metadata, message] of cases) {
      await Deno.writeFile(path, serializeSafetensors(tensors, metadata));
      await assert.rejects(() => readModel(path), { name: "InputError", message });
    }
  });
});

Deno.test("a file that is cut off anywhere is refused", async () => {
  await withModel(async (path) => {
    const bytes = await Deno.readFile(path);
    for (const length of [0, 7, 8, 200, bytes.length - 1]) {
      await Deno.writeFile(path, bytes.subarray(0, length));
      await assert.rejects(() => readModel(path), {
        name: "InputError",
        message: /m\.safetensors is not a valid/,
      });
    }
  });
});

Deno.test("writing where nothing can be written names the file", async () => {
  await inFolder(async (folder) => {
    const message = `Can't write ${folder}/none/m.safetensors: No such file or directory`;
    await assert.rejects(() => writeModel(`${folder}/none/m.safetensors`, STATE, INFO), {
      name: "InputError",
      message,
    });
  });
});

Deno.test("initial parameters come from a state dict of PyTorch's, or from a model", async () => {
  const path = new URL("../golden/adtr_training.safetensors", import.meta.url).pathname;
  const config = { ...golden.training.config, dropout: 0 };
  const parameters = await readParameters(path, config);
  assert.deepEqual([...parameters.keys()], [...adtrShapes(config).keys()]);
  const { bytes } = (await readSafetensors(path)).tensors.get("encoder.layers.1.linear1.weight")!;
  assert.deepEqual(
    parameters.get("encoder.layers.1.linear1.weight")!.data,
    new Float32Array(bytes.slice().buffer),
  );
  await assert.rejects(() => readParameters(path, { ...config, D: 16 }), {
    name: "InputError",
    message:
      /^Expected input_proj\.weight in .*adtr_training.* to have shape \[16,16\], but found \[32,16\]$/,
  });
  await withModel(async (model) => {
    assert.deepEqual(values({ ...STATE, parameters: await readParameters(model, CONFIG) }), values(STATE));
  });
});
