/**
 * ADTR's transformer (docs/method.md §3) in terms of a few operators, for engines that have nothing larger.
 *
 * @module
 */
import type { AdtrConfig } from "../../src/model/adtr.ts";

/** What an engine must offer. Shapes broadcast. */
export interface Ops<T> {
  matmul(a: T, b: T, transB: boolean): T;
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  scale(x: T, by: number): T;
  relu(x: T): T;
  /** Over the last dimension. */
  softmax(x: T): T;
  layerNorm(x: T, gamma: T, beta: T): T;
  reshape(x: T, shape: number[]): T;
  transpose(x: T, order: number[]): T;
  /** Part of the rows. */
  rows(x: T, first: number, count: number): T;
  concat(a: T, b: T): T;
  broadcast(x: T, shape: number[]): T;
  zeros(shape: number[]): T;
  /** Of the squares of all values. */
  meanSquare(x: T): T;
}

/** Mean squared error of the reconstruction of features [B, N, C]. */
export function loss<T>(
  ops: Ops<T>,
  get: (name: string) => T,
  features: T,
  config: AdtrConfig,
  B: number,
): T {
  const { C, H, W, D, A, encoder, decoder } = config, N = H * W, d = D / A;
  const linear = (name: string, x: T) =>
    ops.add(ops.matmul(x, get(`${name}.weight`), true), get(`${name}.bias`)); // x [B·N, …]
  const tokens = (x: T) => ops.reshape(x, [B * N, D]);
  const added = (x: T, p: T) => tokens(ops.add(ops.reshape(x, [B, N, D]), p)); // p [N, D]
  const attention = (name: string, q: T, k: T, v: T) => {
    const [query, key, value] = [q, k, v].map((x, i) => {
      const weight = ops.rows(get(`${name}.in_proj_weight`), i * D, D);
      const bias = ops.rows(get(`${name}.in_proj_bias`), i * D, D);
      const y = ops.add(ops.matmul(x, weight, true), bias);
      return ops.reshape(ops.transpose(ops.reshape(y, [B, N, A, d]), [0, 2, 1, 3]), [B * A, N, d]);
    });
    const weights = ops.softmax(ops.scale(ops.matmul(query, key, true), 1 / Math.sqrt(d)));
    const y = ops.reshape(ops.matmul(weights, value, false), [B, A, N, d]);
    return linear(`${name}.out_proj`, tokens(ops.transpose(y, [0, 2, 1, 3])));
  };
  const norm = (name: string, x: T) => ops.layerNorm(x, get(`${name}.weight`), get(`${name}.bias`));
  const feedForward = (name: string, x: T) =>
    linear(`${name}.linear2`, ops.relu(linear(`${name}.linear1`, x)));

  const half = D / 2;
  const columns = ops.reshape(get("pos_embed.col_embed.weight"), [1, W, half]);
  const rows = ops.reshape(get("pos_embed.row_embed.weight"), [H, 1, half]);
  const pos = ops.reshape(
    ops.concat(ops.broadcast(columns, [H, W, half]), ops.broadcast(rows, [H, W, half])),
    [N, D],
  );
  const query = get("query_embed.weight"), wanted = ops.reshape(features, [B * N, C]);
  let x = linear("input_proj", wanted);
  for (let i = 0; i < encoder; i++) {
    const name = `encoder.layers.${i}`, q = added(x, pos);
    x = norm(`${name}.norm1`, ops.add(x, attention(`${name}.self_attn`, q, q, x)));
    x = norm(`${name}.norm2`, ops.add(x, feedForward(name, x)));
  }
  const memory = added(x, pos);
  let t = ops.zeros([B * N, D]);
  for (let i = 0; i < decoder; i++) {
    const name = `decoder.layers.${i}`, q = added(t, query);
    t = norm(`${name}.norm1`, ops.add(t, attention(`${name}.self_attn`, q, q, t)));
    t = norm(`${name}.norm2`, ops.add(t, attention(`${name}.multihead_attn`, added(t, query), memory, x)));
    t = norm(`${name}.norm3`, ops.add(t, feedForward(name, t)));
  }
  return ops.meanSquare(ops.sub(linear("output_proj", norm("decoder.norm", t)), wanted));
}
