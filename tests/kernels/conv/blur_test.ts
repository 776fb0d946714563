import { gaussianBlur } from "../../../src/kernels/conv/blur.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose, readGolden } from "../../reference/backbone.ts";

const golden = readGolden("methods.safetensors");

Deno.test("Gaussian smoothing is SciPy's, on maps smaller than the window too", async () => {
  for (const [H, W, sigma] of [[1, 1, 4], [3, 7, 4], [40, 33, 4], [64, 9, 1.3]]) {
    const name = `blur ${H}x${W}`,
      x = fill(name, H * W),
      wanted = new Float64Array(golden[name.replace(" ", ".")].buffer);
    const two = gpu.tensor([...x.map((v) => 3 * v), ...x], [2, H, W]);
    const y = await gpu.read(gaussianBlur(gpu, two, sigma));
    assertClose(y.subarray(H * W), wanted, 1e-6, name);
    assertClose(y.subarray(0, H * W), wanted.map((v) => 3 * v), 1e-6, name);
  }
});
