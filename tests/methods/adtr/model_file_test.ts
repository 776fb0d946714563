/**
 * ADTR's model files: names, shapes and order are PyTorch's, and what can't be is refused by name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { serializeSafetensors } from "../../../src/formats/safetensors.ts";
import { stored, type StoredTensor, type TensorFile } from "../../../src/formats/tensor_file.ts";
import { RunFolder } from "../../../src/host/run_folder.ts";
import { readSafetensors } from "../../../src/host/tensor_files.ts";
import { type AdtrState, fromState, parametersIn, toState } from "../../../src/methods/adtr/state.ts";
import { contentOf, openFitted, parseModel } from "../../../src/methods/model_file.ts";
import { type AdtrConfig, adtrShapes, ARCHITECTURES, initialAdtr } from "../../../src/model/adtr.ts";
import { fill } from "../../fill.ts";
import { inFolder } from "../../folder.ts";
import golden from "../../golden/adtr.json" with { type: "json" };
import { gpu } from "../../gpu.ts";

const CONFIG = { C: 5, H: 2, W: 3, D: 8, A: 2, F: 4, encoder: 1, decoder: 2, dropout: 0.1 };
const INFO = { backbone: "gabor", lr: 1e-4, shuffle: true };

/** A model with everything a file can hold. */
const STATE: AdtrState = {
  config: CONFIG,
  parameters: initialAdtr(CONFIG, 2),
  normalisation: { mean: fill("mean", 6 * 5), deviation: fill("deviation", 5, 0.5, 2) },
  covariance: fill("covariance", 25),
  positions: { mean: fill("residual mean", 6 * 5), inverses: fill("whitening", 6 * 25) },
};

/** A model file as it is written. */
function fileOf(state = STATE, info: Record<string, unknown> = INFO): TensorFile {
  const { tensors, metadata } = contentOf("adtr", toState(state), info);
  return { path: "m.safetensors", tensors: new Map(tensors), metadata: { ...metadata } };
}

function bytesOf({ tensors, metadata }: Omit<TensorFile, "path"> = fileOf()): Uint8Array<ArrayBuffer> {
  return new Uint8Array(serializeSafetensors(tensors, metadata));
}

/** What is read again of a file's bytes. */
function read(bytes: Uint8Array<ArrayBuffer>): { state: AdtrState; info: Readonly<Record<string, unknown>> } {
  const { method, state, info } = parseModel(bytes, "m.safetensors");
  assert.equal(method.name, "adtr");
  return { state: fromState(state), info };
}

function values({ parameters }: AdtrState): Map<string, number[]> {
  return new Map([...parameters].map(([name, { data }]) => [name, Array.from(data)]));
}

Deno.test("what is written is read again", () => {
  const { state, info } = read(bytesOf());
  assert.deepEqual(info, INFO);
  assert.deepEqual(values(state), values(STATE));
  const { config, normalisation, covariance, positions } = STATE;
  assert.deepEqual({ ...state, parameters: null }, {
    config: { ...config, architecture: "adtr" },
    normalisation,
    covariance,
    positions,
    parameters: null,
  });
  const none = { normalisation: null, covariance: null, positions: null };
  const bare = read(bytesOf(fileOf({ ...STATE, ...none }))).state;
  assert.deepEqual([bare.normalisation, bare.covariance, bare.positions], [null, null, null]);
});

Deno.test("names, shapes and the order of dimensions are PyTorch's", () => {
  const { tensors } = fileOf();
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, [...shape]]));
  assert.deepEqual(
    shapes,
    new Map([
      ...adtrShapes(CONFIG),
      ["feature_mean", [5, 2, 3]],
      ["feature_std", [5]],
      ["residual_covariance", [5, 5]],
      ["residual_mean", [6, 5]],
      ["residual_whitening", [6, 5, 5]],
    ]),
  );
  const mean = tensors.get("feature_mean")!.bytes.slice();
  assert.equal(new Float32Array(mean.buffer)[2 * 6 + 4], STATE.normalisation!.mean[4 * 5 + 2]); // channel 2 at (1, 1)
});

Deno.test("the same model gives the same bytes, in whatever order its parameters come", () => {
  const first = bytesOf(), parameters = new Map([...STATE.parameters].reverse());
  assert.deepEqual(bytesOf(fileOf({ ...STATE, parameters })), first);
  const { state, info } = read(first);
  assert.deepEqual(bytesOf(fileOf(state, info)), first);
});

for (const architecture of ARCHITECTURES) {
  Deno.test(`a model of the architecture ${architecture} is written, and read as such`, () => {
    const config: AdtrConfig = { ...CONFIG, architecture };
    const state = { ...STATE, config, parameters: initialAdtr(config, 5) }, file = fileOf(state);
    const { state: found } = read(bytesOf(file));
    assert.equal(found.config.architecture ?? "adtr", architecture);
    assert.deepEqual(values(found), values(state));
    assert.deepEqual(values({ ...state, parameters: parametersIn(file, config) }), values(state));
    for (const other of ARCHITECTURES) {
      if (other === architecture) continue;
      assert.throws(() => parametersIn(file, { ...CONFIG, architecture: other }), {
        name: "InputError",
        message:
          `Expected parameters of the architecture ${other} in m.safetensors, but found those of ${architecture}`,
      });
    }
  });
}

Deno.test("the paper's architecture leaves no trace in the file", () => {
  assert.deepEqual(bytesOf(fileOf({ ...STATE, config: { ...CONFIG, architecture: "adtr" } })), bytesOf());
});

Deno.test("models that can't be are refused by name", async () => {
  const file = fileOf();
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
  const sizes = (message: string) => new RegExp(`^m\\.safetensors holds no model: expected ${message}$`);
  const cases: [tensors: Map<string, StoredTensor>, metadata: Record<string, string>, message: RegExp][] = [
    [file.tensors, {}, /^Expected a model written by train in .*, but found a file of tensors without its/],
    [file.tensors, { ...file.metadata, format: "adtr 2" }, /, but found the format "adtr 2"$/],
    [file.tensors, { ...file.metadata, model: "{" }, /^Expected model as JSON in the metadata of .*{$/],
    [file.tensors, { ...file.metadata, config: "[1]" }, /^Expected config as JSON .* but found \[1\]$/],
    [file.tensors, { ...file.metadata, config: "null" }, /^Expected config as JSON .* but found null$/],
    [file.tensors, { format: "adtr model 2" }, /, but found one without a method$/],
    [file.tensors, { ...file.metadata, method: "nn" }, /, but found one of the method "nn"$/],
    [file.tensors, { format: "adtr model 2", method: "adtr" }, /^Expected model as JSON .*, but found none$/],
    [file.tensors, config({ A: 3 }), sizes("an even width that 3 heads divide, but found 8")],
    [file.tensors, config({ H: 0 }), sizes("H to be a whole number from 1 to 256, but found 0")],
    [file.tensors, config({ F: 2.5 }), sizes("F to be a whole number from 1 to 65536, but found 2.5")],
    [file.tensors, config({ C: "5" }), sizes('C to be a whole number from 1 to 65536, but found "5"')],
    [file.tensors, config({ D: undefined }), sizes("D to be there, but found none")],
    [file.tensors, config({ dropout: 1 }), sizes("dropout to be a number from 0 to below 1, but found 1")],
    [
      file.tensors,
      config({ dropout: "x" }),
      sizes('dropout to be a number from 0 to below 1, but found "x"'),
    ],
    [
      file.tensors,
      config({ encoder: 1e9 }),
      sizes("encoder to be a whole number from 1 to 100, but found 1000000000"),
    ],
    [
      file.tensors,
      config({ architecture: "rnn" }),
      sizes('architecture to be one of adtr, no-query, no-attention, conv, but found "rnn"'),
    ],
    [
      file.tensors,
      config({ architecture: "conv" }),
      sizes("a tensor encoder\\.layers\\.0\\.conv\\.weight \\[4,8,3,3\\], but found \\[none\\]"),
    ],
    [
      file.tensors,
      config({ decoder: 3 }),
      sizes("a tensor decoder\\.layers\\.2\\.self_attn\\.in_proj_weight .*"),
    ],
    [
      file.tensors,
      config({ W: 4 }),
      sizes("a tensor pos_embed\\.col_embed\\.weight \\[4,4\\], but found \\[3,4\\]"),
    ],
    [
      tensor("query_embed.weight"),
      file.metadata,
      sizes("a tensor query_embed\\.weight \\[6,8\\], but found \\[none\\]"),
    ],
    [
      tensor("feature_mean", stored(new Float32Array(40), [5, 2, 4])),
      file.metadata,
      sizes("a tensor feature_mean \\[5,2,3\\], but found \\[5,2,4\\]"),
    ],
    [tensor("feature_mean"), file.metadata, sizes("a tensor feature_mean .*, but found \\[none\\]")],
    [tensor("feature_std"), file.metadata, sizes("a tensor feature_std .*, but found \\[none\\]")],
    [
      tensor("feature_std", stored(Float32Array.of(1, 1, 0, 1, 1))),
      file.metadata,
      sizes("numbers above 0 in feature_std, but found 0"),
    ],
    [
      tensor("residual_covariance", stored(new Float32Array(16), [4, 4])),
      file.metadata,
      sizes("a tensor residual_covariance \\[5,5\\], but found \\[4,4\\]"),
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
  const { inUse } = gpu.memory.stats();
  for (const [tensors, metadata, message] of cases) {
    const open = async () =>
      void await openFitted(gpu, parseModel(bytesOf({ tensors, metadata }), "m.safetensors"));
    await assert.rejects(open, { name: "InputError", message });
  }
  assert.equal(gpu.memory.stats().inUse, inUse);
});

Deno.test("a file that is cut off anywhere is refused", () => {
  const bytes = bytesOf();
  for (const length of [0, 7, 8, 200, bytes.length - 1]) {
    assert.throws(() => read(bytes.slice(0, length)), {
      name: "InputError",
      message: /m\.safetensors is not a valid/,
    });
  }
});

Deno.test("writing where nothing can be written names the file", async () => {
  await inFolder(async (folder) => {
    const message = `Can't write ${folder}/none/model.safetensors: No such file or directory`;
    await assert.rejects(() => new RunFolder(`${folder}/none`, false).keep(fileOf()), {
      name: "InputError",
      message,
    });
  });
});

Deno.test("initial parameters come from a state dict of PyTorch's, or from a model", async () => {
  const path = new URL("../../golden/adtr_training.safetensors", import.meta.url).pathname;
  const config = { ...golden.training.config, dropout: 0 }, file = await readSafetensors(path);
  const parameters = parametersIn(file, config);
  assert.deepEqual([...parameters.keys()], [...adtrShapes(config).keys()]);
  const { bytes } = file.tensors.get("encoder.layers.1.linear1.weight")!;
  assert.deepEqual(
    parameters.get("encoder.layers.1.linear1.weight")!.data,
    new Float32Array(bytes.slice().buffer),
  );
  assert.throws(() => parametersIn(file, { ...config, D: 16 }), {
    name: "InputError",
    message:
      /^Expected input_proj\.weight in .*adtr_training.* to have shape \[16,16\], but found \[32,16\]$/,
  });
  assert.deepEqual(values({ ...STATE, parameters: parametersIn(fileOf(), CONFIG) }), values(STATE));
});
