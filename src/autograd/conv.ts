/**
 * y = act(conv2d(x, W, padding = 1) + b) with 3×3 filters: torch.nn.Conv2d, as a matrix product of the filters and the
 * neighbourhood of every position.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { reluBackward } from "../kernels/dense/elementwise.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { fold, unfold } from "../kernels/conv/unfold.ts";
import type { Tape } from "./tape.ts";

/** The neighbourhoods that are there at once take up to this many bytes: nine times as many as their map. */
const CHUNK_BYTES = 64 << 20;

/**
 * 3×3 convolution with zero padding, which keeps the size of the map, then ReLU where `act` says so.
 *
 * @param x [B, H, W, C]
 * @param weight [O, C, 3, 3], as PyTorch has it
 * @param bias [O]
 * @returns [B, H, W, O]
 * @throws {RangeError} where the shapes do not fit
 */
export function conv3x3(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  act: "none" | "relu" = "none",
): Tensor {
  const { gpu } = tape;
  const [B, H, W, C] = x.shape, O = bias.size, M = B * H * W, K = 9 * C;
  if (x.shape.length !== 4 || `${weight.shape}` !== `${[O, C, 3, 3]}`) {
    throw new RangeError(
      `Expected maps [B, H, W, C], a weight [O, C, 3, 3] and a bias [O], ` +
        `but found [${x.shape}], [${weight.shape}] and [${bias.shape}]`,
    );
  }
  const room = Math.min(gpu.limits.maxStorageBufferBindingSize, CHUNK_BYTES);
  const most = Math.max(1, Math.floor(room / (4 * K)));
  const chunks = Array.from({ length: Math.ceil(M / most) }, (_, i) => {
    const first = i * most, rows = Math.min(most, M - first);
    return { first, rows, layout: { ld: O, offset: first * O } }; // of these rows in y
  });
  const y = gpu.empty([B, H, W, O], "a convolution's output");
  for (const { first, rows, layout: layoutC } of chunks) {
    const columns = gpu.empty([rows, K], "a convolution's patches");
    unfold(gpu, x, columns, first);
    gemm(gpu, { a: columns, b: weight, c: y, M: rows, N: O, K, transB: true, layoutC, bias, act });
    gpu.release(columns);
  }

  return tape.record("conv3x3", y, [x, weight, bias], (dy) => {
    let dz = dy;
    if (act === "relu") {
      dz = gpu.empty(dy.shape, "a gradient before ReLU");
      reluBackward(gpu, dy, y, dz);
    }
    const dx = tape.into(x), dw = tape.into(weight), db = tape.into(bias);
    for (const { first, rows, layout: layoutA } of chunks) {
      const columns = gpu.empty([rows, K], "a convolution's patches");
      if (dw) {
        unfold(gpu, x, columns, first);
        const beta = dw.add || first > 0 ? 1 : 0;
        gemm(gpu, { a: dz, b: columns, c: dw.tensor, M: O, N: K, K: rows, transA: true, layoutA, beta });
      }
      if (dx) { // over those of x
        gemm(gpu, { a: dz, b: weight, c: columns, M: rows, N: K, K: O, layoutA });
        fold(gpu, columns, dx.tensor, first, dx.add || first > 0);
      }
      gpu.release(columns);
    }
    if (db) sumColumns(gpu, dz, db.tensor, { rows: M, columns: O, accumulate: db.add });
    if (dz !== dy) gpu.release(dz);
  });
}
