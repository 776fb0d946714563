/**
 * A model's state dict, to PyTorch and back. In Python, `safetensors.torch.load_file("model.safetensors")` gives the
 * same tensors under the names of torch.nn's modules; what `torch.save` writes of such a state dict is read here too.
 *
 *     deno run -A examples/pytorch_state.ts [FOLDER]
 */
import {
  type AdtrConfig,
  adtrShapes,
  Detector,
  Gpu,
  initialAdtr,
  readParameters,
  writeModel,
} from "../mod.ts";

const folder = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" });
const path = `${folder}/model.safetensors`;

// The paper's sizes, but for one layer in place of four.
const config: AdtrConfig = {
  C: 720,
  H: 16,
  W: 16,
  D: 256,
  A: 8,
  F: 1024,
  encoder: 1,
  decoder: 1,
  dropout: 0.1,
};
const parameters = initialAdtr(config, 0);
await writeModel(path, { config, parameters, normalisation: null, covariance: null }, {
  made: "as an example",
});
for (const [name, shape] of adtrShapes(config)) console.log(`${name} [${shape.join(", ")}]`);

// Back: the shapes must be those of the config, whatever else the file holds.
const read = await readParameters(path, config);
const gpu = await Gpu.open();
const detector = new Detector(gpu, { config, parameters: read, normalisation: null, covariance: null });
const { parameters: fromGpu } = await detector.state();
gpu.close();
const same = [...fromGpu].every(([name, { data }]) =>
  data.every((v, i) => v === parameters.get(name)!.data[i])
);
console.log(`${fromGpu.size} tensors, ${same ? "the same as" : "other than"} those written to ${path}`);
