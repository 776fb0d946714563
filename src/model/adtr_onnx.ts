/**
 * ADTR's transformer, and what its ablations have in its place, as ONNX nodes: the counterpart of adtr.ts and conv_net.ts,
 * without what only training needs.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { type AdtrConfig, adtrShapes } from "./adtr.ts";
import { convolutions } from "./conv_net.ts";
import { activated, convolved, linear, mapsFrom, positionsOf } from "./onnx.ts";

/** The parameters' values by their PyTorch names. */
type Parameters = ReadonlyMap<string, { data: ArrayLike<number> }>;

/** Reconstructs features [B, N, C]. */
export function adtrOnnx(
  graph: OnnxGraph,
  config: AdtrConfig,
  parameters: Parameters,
  features: OnnxValue,
): OnnxValue {
  return new Network(graph, config, parameters).reconstruct(features);
}

class Network {
  #graph: OnnxGraph;
  #config: AdtrConfig;
  #parameters: Parameters;
  #shapes: Map<string, number[]>;

  constructor(graph: OnnxGraph, config: AdtrConfig, parameters: Parameters) {
    this.#graph = graph;
    this.#config = config;
    this.#parameters = parameters;
    this.#shapes = adtrShapes(config);
  }

  reconstruct(features: OnnxValue): OnnxValue {
    const { architecture = "adtr" } = this.#config;
    const x = this.#linear("input_proj", features); // [B, N, D]
    const t = architecture === "conv"
      ? this.#convNet(x)
      : architecture === "no-attention"
      ? this.#feedForwards(x)
      : this.#transformer(x, architecture === "adtr");
    return this.#linear("output_proj", t);
  }

  #transformer(x: OnnxValue, hasQuery: boolean): OnnxValue {
    const { encoder, decoder, H, W, D } = this.#config;
    const pos = this.#positions(), query = hasQuery ? this.#query() : pos;
    for (let i = 0; i < encoder; i++) {
      const name = `encoder.layers.${i}`, q = this.#add(x, pos);
      x = this.#norm(`${name}.norm1`, x, this.#attention(`${name}.self_attn`, q, q, x));
      x = this.#norm(`${name}.norm2`, x, this.#feedForward(name, x));
    }
    const memory = this.#add(x, pos);
    // The decoder begins with zeros, the same for all images.
    let t = hasQuery ? this.#graph.floats(new Float32Array(H * W * D), [1, H * W, D]) : x;
    for (let i = 0; i < decoder; i++) {
      const name = `decoder.layers.${i}`, q = this.#add(t, query);
      t = this.#norm(`${name}.norm1`, t, this.#attention(`${name}.self_attn`, q, q, t));
      const across = this.#attention(`${name}.multihead_attn`, this.#add(t, query), memory, x);
      t = this.#norm(`${name}.norm2`, t, across);
      t = this.#norm(`${name}.norm3`, t, this.#feedForward(name, t));
    }
    return this.#norm("decoder.norm", t);
  }

  #feedForwards(x: OnnxValue): OnnxValue {
    const { encoder, decoder } = this.#config;
    x = this.#add(x, this.#positions());
    for (let i = 0; i < encoder; i++) {
      x = this.#norm(`encoder.layers.${i}.norm2`, x, this.#feedForward(`encoder.layers.${i}`, x));
    }
    x = this.#add(x, this.#query());
    for (let i = 0; i < decoder; i++) {
      x = this.#norm(`decoder.layers.${i}.norm3`, x, this.#feedForward(`decoder.layers.${i}`, x));
    }
    return this.#norm("decoder.norm", x);
  }

  #convNet(x: OnnxValue): OnnxValue {
    const { D, H, W } = this.#config;
    let maps = mapsFrom(this.#graph, x, { C: D, H, W });
    for (const { name, outputs } of convolutions(this.#config)) {
      const [weight, bias] = [this.#values(`${name}.weight`), this.#values(`${name}.bias`)];
      maps = convolved(this.#graph, maps, { weight, bias, out: outputs, kernel: 3 }, { act: "relu" });
    }
    return positionsOf(this.#graph, maps, D);
  }

  /** nn.MultiheadAttention; queries and keys may be the same for all images, [1, N, D]. */
  #attention(name: string, q: OnnxValue, k: OnnxValue, v: OnnxValue): OnnxValue {
    const { D, A, H, W } = this.#config, graph = this.#graph, N = H * W;
    const weight = this.#values(`${name}.in_proj_weight`), bias = this.#values(`${name}.in_proj_bias`);
    const [queries, keys, values] = [q, k, v].map((x, i) => {
      const rows = weight.subarray(i * D * D, (i + 1) * D * D), shift = bias.subarray(i * D, (i + 1) * D);
      const projected = linear(graph, x, rows, [D, D], shift);
      // Heads first; of the keys, what is to be multiplied lies along the rows.
      return graph.node("Transpose", [graph.reshape(projected, [0, N, A, D / A])], {
        perm: i === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3],
      });
    });
    const scaled = graph.node("Mul", [queries, graph.scalar(1 / Math.sqrt(D / A))]);
    const weights = graph.node("Softmax", [graph.node("MatMul", [scaled, keys])], { axis: -1 });
    const heads = graph.node("Transpose", [graph.node("MatMul", [weights, values])], { perm: [0, 2, 1, 3] });
    return this.#linear(`${name}.out_proj`, graph.reshape(heads, [0, N, D]));
  }

  #feedForward(name: string, x: OnnxValue): OnnxValue {
    return this.#linear(
      `${name}.linear2`,
      activated(this.#graph, this.#linear(`${name}.linear1`, x), "relu"),
    );
  }

  /** What is learned of the rows and of the columns beside each other: [N, D]. */
  #positions(): OnnxValue {
    const { H, W, D } = this.#config, half = D / 2, pos = new Float32Array(H * W * D);
    const columns = this.#values("pos_embed.col_embed.weight"),
      rows = this.#values("pos_embed.row_embed.weight");
    for (let n = 0; n < H * W; n++) {
      const h = Math.floor(n / W), w = n % W;
      pos.set(columns.subarray(w * half, (w + 1) * half), n * D);
      pos.set(rows.subarray(h * half, (h + 1) * half), n * D + half);
    }
    return this.#graph.floats(pos, [H * W, D]);
  }

  #query(): OnnxValue {
    const { H, W, D } = this.#config;
    return this.#graph.floats(this.#values("query_embed.weight"), [H * W, D]);
  }

  #add(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#graph.node("Add", [a, b]);
  }

  /** LayerNorm(x + branch), ε 1e-5, as is ONNX's default. */
  #norm(name: string, x: OnnxValue, branch?: OnnxValue): OnnxValue {
    const [gain, shift] = ["weight", "bias"].map((part) =>
      this.#graph.floats(this.#values(`${name}.${part}`))
    );
    const sum = branch === undefined ? x : this.#add(x, branch);
    return this.#graph.node("LayerNormalization", [sum, gain, shift], { axis: -1 });
  }

  #linear(name: string, x: OnnxValue): OnnxValue {
    const [out, inputs] = this.#shapes.get(`${name}.weight`)!;
    const [weight, bias] = [this.#values(`${name}.weight`), this.#values(`${name}.bias`)];
    return linear(this.#graph, x, weight, [out, inputs], bias);
  }

  #values(name: string): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#parameters.get(name)!.data);
  }
}
