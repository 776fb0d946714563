/**
 * ADTR's transformer (You et al. 2022, docs/method.md §3): it reconstructs a feature map from its own projection and
 * from a learned auxiliary query, which knows where it is but not what is there, so that only what was learnt comes
 * back. What the paper's ablations take from it or put in its place is told by its `architecture`.
 *
 * @module
 */
import { attention } from "../autograd/attention.ts";
import { linear, type LinearOptions } from "../autograd/linear.ts";
import { add, layerNorm, positions } from "../autograd/ops.ts";
import { type HostTensor, Parameters } from "../optim/parameters.ts";
import type { Tape } from "../autograd/tape.ts";
import { paddedChannels } from "./layout.ts";
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Random } from "../hash.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { convNet, convShapes } from "./conv_net.ts";

/**
 * The paper's model and those of its ablations (docs/method.md §3): the transformer; without the auxiliary query; without
 * attention; a convolutional network.
 */
export const ARCHITECTURES = ["adtr", "no-query", "no-attention", "conv"] as const;

/** One of {@linkcode ARCHITECTURES}. */
export type Architecture = typeof ARCHITECTURES[number];

/** Dimensions by their letters in docs/method.md. */
export interface AdtrConfig {
  /** Feature channels. */
  C: number;
  /** Height of the feature map. */
  H: number;
  /** Width of the feature map. */
  W: number;
  /** Model width, even and a multiple of A. */
  D: number;
  /** Attention heads. */
  A: number;
  /** Width of the feed-forward blocks. */
  F: number;
  /** Layers of the encoder. */
  encoder: number;
  /** Layers of the decoder. */
  decoder: number;
  /** Dropout probability in training. */
  dropout: number;
  /** Default `adtr`. */
  architecture?: Architecture;
}

/** Every parameter's shape by its PyTorch state dict name. */
export function adtrShapes(config: AdtrConfig): Map<string, number[]> {
  const { C, D, F, H, W, encoder, decoder, architecture = "adtr" } = config;
  const attends = architecture !== "no-attention";
  const shapes = new Map<string, number[]>();
  const linear = (name: string, fanIn: number, fanOut: number) =>
    shapes.set(`${name}.weight`, [fanOut, fanIn]).set(`${name}.bias`, [fanOut]);
  const norm = (name: string) => shapes.set(`${name}.weight`, [D]).set(`${name}.bias`, [D]);
  const attention = (name: string) => {
    shapes.set(`${name}.in_proj_weight`, [3 * D, D]).set(`${name}.in_proj_bias`, [3 * D]);
    linear(`${name}.out_proj`, D, D);
  };
  const layer = (name: string, attentions: string[]) => { // each with its norm, then the feed-forward block with its own
    const last = attentions.length + 1;
    if (attends) { for (const part of attentions) attention(`${name}.${part}`); }
    linear(`${name}.linear1`, D, F);
    linear(`${name}.linear2`, F, D);
    for (let i = attends ? 1 : last; i <= last; i++) norm(`${name}.norm${i}`);
  };
  linear("input_proj", C, D);
  linear("output_proj", D, C);
  if (architecture === "conv") return new Map([...shapes, ...convShapes(config)]);
  shapes.set("pos_embed.row_embed.weight", [H, D / 2]).set("pos_embed.col_embed.weight", [W, D / 2]);
  if (architecture !== "no-query") shapes.set("query_embed.weight", [H * W, D]);
  for (let i = 0; i < encoder; i++) layer(`encoder.layers.${i}`, ["self_attn"]);
  for (let i = 0; i < decoder; i++) layer(`decoder.layers.${i}`, ["self_attn", "multihead_attn"]);
  norm("decoder.norm");
  return shapes;
}

/**
 * Initial values: Xavier-uniform matrices, Kaiming-uniform filters, zero biases, unit norms, U(0, 1) positions and
 * N(0, 1) queries.
 */
export function initialAdtr(config: AdtrConfig, seed: number): Map<string, HostTensor> {
  const state = new Map<string, HostTensor>();
  for (const [name, shape] of adtrShapes(config)) {
    const random = new Random(seed, `initial ${name}`);
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    const [out, fanIn = 0, ...filter] = shape;
    const bound = Math.sqrt(6 / (filter.length > 0 ? 9 * fanIn : out + fanIn));
    const draw = name.endsWith("bias")
      ? () => 0
      : /norm\d?\.weight$/.test(name)
      ? () => 1
      : name.startsWith("pos_embed")
      ? () => random.uniform()
      : name.startsWith("query_embed")
      ? () => random.normal()
      : () => random.range(-bound, bound);
    state.set(name, { shape, data: data.map(draw) });
  }
  return state;
}

/** The transformer, or what an ablation has in its place, with its parameters. */
export class Adtr {
  /** Its sizes. */
  readonly config: AdtrConfig;
  /** All of them, by their PyTorch names. */
  readonly parameters: Parameters;

  /**
   * The model on the GPU.
   *
   * @param state the parameters' values by their names
   * @throws {RangeError} where one is missing or has another number of values
   */
  constructor(gpu: Compute, config: AdtrConfig, state: ReadonlyMap<string, { data: ArrayLike<number> }>) {
    this.config = config;
    const wide = paddedChannels(config.C);
    this.parameters = new Parameters(
      gpu,
      adtrShapes(config),
      new Map([
        ["input_proj.weight", [config.D, wide]],
        ["output_proj.weight", [wide, config.D]],
        ["output_proj.bias", [wide]],
      ]),
    );
    this.parameters.load(state);
  }

  /**
   * Reconstructs features.
   *
   * @param features [B, N, `paddedChannels`(C)]
   * @returns the same shape; the padding comes out as zero, and so do its parameters' gradients if it is zero
   * @throws {RangeError} where the features are not of the model's sizes
   */
  forward(tape: Tape, features: Tensor): Tensor {
    const { D, H, W, architecture = "adtr" } = this.config;
    const C = paddedChannels(this.config.C), N = H * W, B = features.shape[0];
    if (features.shape[1] !== N || features.shape[2] !== C) {
      throw new RangeError(`Expected features [B, ${N}, ${C}], but found [${features.shape}]`);
    }
    const x = this.#linear(tape, "input_proj", features); // [B, N, D]
    const t = architecture === "conv"
      ? convNet(tape, this.config, this.parameters, x.view([B, H, W, D])).view([B, N, D])
      : architecture === "no-attention"
      ? this.#feedForwards(tape, x)
      : this.#transformer(tape, x);
    return this.#linear(tape, "output_proj", t); // [B, N, C]
  }

  #transformer(tape: Tape, x: Tensor): Tensor {
    const { encoder, decoder, architecture } = this.config, hasQuery = architecture !== "no-query";
    const pos = this.#positions(tape), query = hasQuery ? this.#get("query_embed.weight") : pos; // [N, D]
    for (let i = 0; i < encoder; i++) x = this.#encoderLayer(tape, `encoder.layers.${i}`, x, pos);
    const memory = add(tape, x, pos); // keys of every cross-attention

    const zero = hasQuery ? tape.gpu.empty(x.shape, "the decoder's first input") : null;
    if (zero) fill(tape.gpu, zero, 0);
    let t = zero ?? x;
    for (let i = 0; i < decoder; i++) {
      t = this.#decoderLayer(tape, `decoder.layers.${i}`, t, query, memory, x, t === zero);
    }
    return this.#norm(tape, "decoder.norm", t, null);
  }

  /** What is left without attention: every position on its own, told where it is by `pos` and by the query. */
  #feedForwards(tape: Tape, x: Tensor): Tensor {
    const { encoder, decoder } = this.config;
    x = add(tape, x, this.#positions(tape));
    for (let i = 0; i < encoder; i++) {
      const name = `encoder.layers.${i}`;
      x = this.#norm(tape, `${name}.norm2`, x, this.#feedForward(tape, name, x));
    }
    x = add(tape, x, this.#get("query_embed.weight"));
    for (let i = 0; i < decoder; i++) {
      const name = `decoder.layers.${i}`;
      x = this.#norm(tape, `${name}.norm3`, x, this.#feedForward(tape, name, x));
    }
    return this.#norm(tape, "decoder.norm", x, null);
  }

  #encoderLayer(tape: Tape, name: string, x: Tensor, pos: Tensor): Tensor {
    const q = add(tape, x, pos);
    x = this.#norm(tape, `${name}.norm1`, x, this.#attention(tape, `${name}.self_attn`, q, q, x));
    return this.#norm(tape, `${name}.norm2`, x, this.#feedForward(tape, name, x));
  }

  #decoderLayer(
    tape: Tape,
    name: string,
    t: Tensor,
    query: Tensor,
    memory: Tensor,
    x: Tensor,
    first: boolean,
  ): Tensor {
    let self: Tensor;
    if (first) { // t is zero: what is projected is the same for all images
      const zero = tape.gpu.empty(query.shape, "the decoder's first input, for any image");
      fill(tape.gpu, zero, 0);
      self = this.#attention(tape, `${name}.self_attn`, query, query, zero, t);
    } else {
      const q = add(tape, t, query);
      self = this.#attention(tape, `${name}.self_attn`, q, q, t);
    }
    t = this.#norm(tape, `${name}.norm1`, t, self);
    const across = this.#attention(tape, `${name}.multihead_attn`, add(tape, t, query), memory, x);
    t = this.#norm(tape, `${name}.norm2`, t, across);
    return this.#norm(tape, `${name}.norm3`, t, this.#feedForward(tape, name, t));
  }

  /**
   * nn.MultiheadAttention of queries from q, keys from k and values from v, all [B, N, D]; or [N, D] and the same for all
   * images of `batch`, zeros [B, N, D].
   */
  #attention(tape: Tape, name: string, q: Tensor, k: Tensor, v: Tensor, batch?: Tensor): Tensor {
    const { D, A, dropout } = this.config;
    const weight = this.#get(`${name}.in_proj_weight`), bias = this.#get(`${name}.in_proj_bias`);
    const [queries, keys, values] = [q, k, v].map((x, i) => {
      const projected = linear(tape, x, weight, bias, { rows: { first: i * D, count: D } });
      return batch ? add(tape, batch, projected) : projected;
    });
    return this.#linear(tape, `${name}.out_proj`, attention(tape, queries, keys, values, A, dropout));
  }

  #feedForward(tape: Tape, name: string, x: Tensor): Tensor {
    const { dropout } = this.config;
    const hidden = this.#linear(tape, `${name}.linear1`, x, { act: "relu", dropout }); // [B, N, F]
    return this.#linear(tape, `${name}.linear2`, hidden);
  }

  #positions(tape: Tape): Tensor {
    return positions(
      tape,
      this.#get("pos_embed.col_embed.weight"),
      this.#get("pos_embed.row_embed.weight"),
    );
  }

  /** LayerNorm(x + dropout(branch)). */
  #norm(tape: Tape, name: string, x: Tensor, branch: Tensor | null): Tensor {
    return layerNorm(
      tape,
      x,
      branch,
      this.#get(`${name}.weight`),
      this.#get(`${name}.bias`),
      this.config.dropout,
    );
  }

  #linear(tape: Tape, name: string, x: Tensor, options?: LinearOptions): Tensor {
    return linear(tape, x, this.#get(`${name}.weight`), this.#get(`${name}.bias`), options);
  }

  #get(name: string): Tensor {
    return this.parameters.get(name);
  }
}
