/**
 * ADTR's state dict, to PyTorch and back. In Python, `safetensors.torch.load_file("state.safetensors")` gives the same
 * tensors under the names of torch.nn's modules; what `torch.save` writes of such a state dict is read here too.
 *
 *     deno run -A examples/pytorch_state.ts [FOLDER]
 */
import { expectTensor, Gpu, stored } from "@adtr/adtr";
import { Adtr, type AdtrConfig, adtrShapes, initialAdtr } from "@adtr/adtr/autograd";
import { readWeightFile, writeSafetensors } from "@adtr/adtr/host";

const path = `${Deno.args[0] ?? await Deno.makeTempDir({ prefix: "adtr-" })}/state.safetensors`;

// The paper's sizes, but for one layer in place of four.
const sizes = { C: 720, H: 16, W: 16, D: 256, A: 8, F: 1024 };
const config: AdtrConfig = { ...sizes, encoder: 1, decoder: 1, dropout: 0.1 };
using gpu = await Gpu.open();
const network = new Adtr(gpu, config, initialAdtr(config, 0));

// To PyTorch.
const state = await network.parameters.read();
for (const [name, { shape }] of state) console.log(`${name} [${shape.join(", ")}]`);
await writeSafetensors(
  path,
  new Map([...state].map(([name, { data, shape }]) => [name, stored(data, shape)])),
);

// And back: every tensor must be there, of the right shape and finite, whatever else the file holds.
const file = await readWeightFile(path);
const values = new Map(
  [...adtrShapes(config)].map(([name, shape]) => [name, { data: expectTensor(file, name, shape) }]),
);
network.parameters.load(values);
const same = [...await network.parameters.read()].every(([name, { data }]) =>
  data.every((v, i) => v === state.get(name)!.data[i])
);
console.log(`${values.size} tensors, ${same ? "the same as" : "other than"} those written to ${path}`);
