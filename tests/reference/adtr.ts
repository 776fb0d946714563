/**
 * ADTR's transformer and what its ablations have instead (docs/method.md §3) out of plain loops in float64, dropout included.
 *
 * @module
 */
import type { Dropout } from "../../src/kernels/dense/element.ts";
import type { AdtrConfig } from "../../src/model/adtr.ts";
import { attention } from "./attention.ts";
import { convolve, padded } from "./conv.ts";
import { layerNorm, linear, make, positions, type Values } from "./training.ts";

/** Parameters by their PyTorch names. */
export type State = ReadonlyMap<string, { data: Values }>;

/**
 * Reconstructs features [B, N, C].
 *
 * @param drop gives the dropout of every place, in the order of the model
 */
export function reconstruct(
  config: AdtrConfig,
  state: State,
  features: Values,
  drop: () => Dropout | undefined,
): Float64Array {
  const { C, H, W, D, A, architecture = "adtr" } = config, N = H * W, B = features.length / N / C;
  const get = (name: string): Values => state.get(name)!.data;
  const add = (x: Values, p: Values) => make(x.length, (i) => x[i] + p[i % p.length]);
  const apply = (name: string, x: Values) => linear(x, get(`${name}.weight`), get(`${name}.bias`));
  const norm = (name: string, x: Values, branch: Values) =>
    layerNorm(x, branch, get(`${name}.weight`), get(`${name}.bias`), drop()).y;
  const attend = (name: string, q: Values, k: Values, v: Values) => {
    const [queries, keys, values] = [q, k, v].map((x, i) => {
      const weight = Array.from(get(`${name}.in_proj_weight`)).slice(i * D * D, (i + 1) * D * D);
      return linear(x, weight, Array.from(get(`${name}.in_proj_bias`)).slice(i * D, (i + 1) * D));
    });
    return apply(`${name}.out_proj`, attention(queries, keys, values, { B, N, L: N, D, A }, drop()));
  };
  const feedForward = (name: string, x: Values) => {
    const hidden = linear(x, get(`${name}.linear1.weight`), get(`${name}.linear1.bias`), true, drop());
    return apply(`${name}.linear2`, hidden);
  };

  let x = apply("input_proj", features);
  if (architecture === "conv") {
    for (
      const name of [...state.keys()].filter((name) => name.endsWith("weight") && !name.includes("proj"))
    ) {
      const weight = get(name), bias = get(name.replace(/weight$/, "bias")), O = bias.length;
      const sizes = padded({ B, H, W, C: weight.length / 9 / O, O, k: 3, padding: 1 });
      x = convolve(x, weight, bias, sizes).map((v) => Math.max(v, 0));
    }
    return apply("output_proj", x);
  }
  const attends = architecture !== "no-attention", hasQuery = architecture !== "no-query";
  const pos = positions(get("pos_embed.col_embed.weight"), get("pos_embed.row_embed.weight"), D / 2);
  if (!attends) x = add(x, pos);
  for (let i = 0; i < config.encoder; i++) {
    const name = `encoder.layers.${i}`, q = add(x, pos);
    if (attends) x = norm(`${name}.norm1`, x, attend(`${name}.self_attn`, q, q, x));
    x = norm(`${name}.norm2`, x, feedForward(name, x));
  }
  const query = hasQuery ? get("query_embed.weight") : pos;
  let t = !hasQuery ? x : attends ? make(B * N * D, () => 0) : add(x, query);
  for (let i = 0; i < config.decoder; i++) {
    const name = `decoder.layers.${i}`, q = add(t, query);
    if (attends) {
      t = norm(`${name}.norm1`, t, attend(`${name}.self_attn`, q, q, t));
      t = norm(`${name}.norm2`, t, attend(`${name}.multihead_attn`, add(t, query), add(x, pos), x));
    }
    t = norm(`${name}.norm3`, t, feedForward(name, t));
  }
  t = layerNorm(t, null, get("decoder.norm.weight"), get("decoder.norm.bias")).y;
  return apply("output_proj", t);
}
