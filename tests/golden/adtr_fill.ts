/**
 * The parameters and features of adtr.py, made again from their names, so that no file has to hold them: a model filled with
 * them must meet the numbers of adtr.json and adtr_*.safetensors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { paddedChannels } from "../../src/model/layout.ts";
import { fill } from "../fill.ts";

/** A model of the golden files: dimensions by their letters in docs/method.md, and the layers of both halves. */
export interface GoldenConfig {
  C: number;
  D: number;
  A: number;
  F: number;
  H: number;
  W: number;
  encoder: number;
  decoder: number;
}

/** Every parameter's shape by its state dict name. */
export function parameterShapes({ C, D, F, H, W, encoder, decoder }: GoldenConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const linear = (name: string, fanIn: number, fanOut: number) =>
    shapes.set(`${name}.weight`, [fanOut, fanIn]).set(`${name}.bias`, [fanOut]);
  const norm = (name: string) => shapes.set(`${name}.weight`, [D]).set(`${name}.bias`, [D]);
  const attention = (name: string) => {
    shapes.set(`${name}.in_proj_weight`, [3 * D, D]).set(`${name}.in_proj_bias`, [3 * D]);
    linear(`${name}.out_proj`, D, D);
  };
  const layer = (name: string, attentions: string[], norms: string[]) => {
    for (const part of attentions) attention(`${name}.${part}`);
    linear(`${name}.linear1`, D, F);
    linear(`${name}.linear2`, F, D);
    for (const part of norms) norm(`${name}.${part}`);
  };

  linear("input_proj", C, D);
  linear("output_proj", D, C);
  shapes.set("pos_embed.row_embed.weight", [H, D / 2]).set("pos_embed.col_embed.weight", [W, D / 2]);
  shapes.set("query_embed.weight", [H * W, D]);
  for (let i = 0; i < encoder; i++) layer(`encoder.layers.${i}`, ["self_attn"], ["norm1", "norm2"]);
  for (let i = 0; i < decoder; i++) {
    layer(`decoder.layers.${i}`, ["self_attn", "multihead_attn"], ["norm1", "norm2", "norm3"]);
  }
  norm("decoder.norm");
  return shapes;
}

/** Bounds of a parameter's numbers, by its name: `range_of` of adtr.py. */
function rangeOf(name: string, shape: number[]): [low: number, high: number] {
  if (name.endsWith("bias")) return [-0.1, 0.1];
  if (name.includes("norm")) return [0.5, 1.5];
  if (name.startsWith("pos_embed")) return [0, 1];
  if (name.startsWith("query_embed")) return [-1.7, 1.7];
  const bound = Math.sqrt(6 / (shape.length === 4 ? 9 * shape[1] : shape[0] + shape[1])); // Kaiming, Xavier
  return [-bound, bound];
}

/** Parameters by their state dict names. */
type State = Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>;

/** A golden model's parameters, float32, bit for bit those of adtr.py. */
export function filledAdtr(config: GoldenConfig): State {
  return filled(parameterShapes(config));
}

/** Parameters of these shapes, float32, bit for bit those of adtr.py and ablations.py. */
export function filled(shapes: ReadonlyMap<string, number[]>): State {
  const parameters: State = new Map();
  for (const [name, shape] of shapes) {
    const [low, high] = rangeOf(name, shape);
    parameters.set(name, { shape, data: fill(name, shape.reduce((a, b) => a * b), low, high) });
  }
  return parameters;
}

/** A golden model's input [B, N, `paddedChannels`(C)], from PyTorch's [B, C, H, W]. */
export function featuresOf({ C, H, W }: GoldenConfig, images: number): Float32Array<ArrayBuffer> {
  const N = H * W, wide = paddedChannels(C), planes = fill("features", images * C * N);
  return Float32Array.from({ length: images * N * wide }, (_, i) => {
    const b = Math.floor(i / (N * wide)), n = Math.floor(i / wide) % N, c = i % wide;
    return c < C ? planes[(b * C + c) * N + n] : 0;
  });
}

/** A model's output [B, N, `paddedChannels`(C)] as PyTorch's [B, C, H, W]; the padding must be zero. */
export function channelsFirst(values: Float32Array, { C, H, W }: GoldenConfig): Float32Array {
  const N = H * W, wide = paddedChannels(C);
  assert.ok(values.every((v, i) => i % wide < C || v === 0));
  return Float32Array.from({ length: values.length / wide * C }, (_, i) => {
    const b = Math.floor(i / (N * C)), c = Math.floor(i / N) % C, n = i % N;
    return values[(b * N + n) * wide + c];
  });
}
