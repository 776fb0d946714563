/**
 * What may follow a convolution, and act.wgsl with it: the same names and numbers for every kernel of this folder.
 *
 * @module
 */
import source from "./act.wgsl" with { type: "text" };

/** An activation: torch.nn.ReLU, ReLU6, SiLU, Sigmoid, Tanh, ELU, Softplus or LeakyReLU with that negative slope. */
export type Act =
  | "none"
  | "relu"
  | "relu6"
  | "silu"
  | "sigmoid"
  | "tanh"
  | "elu"
  | "softplus"
  | { leaky: number };

const NUMBERS = { none: 0, relu: 1, relu6: 2, silu: 3, sigmoid: 4, tanh: 5, elu: 7, softplus: 8 };
const LEAKY = 6;

/** The constants that act.wgsl reads. @throws {RangeError} where a slope is negative: its sign would be lost */
export function actConstants(act: Act): { ACT: number; SLOPE: number } {
  if (typeof act === "object" && !(act.leaky >= 0)) {
    throw new RangeError(`Expected a slope of at least 0 for leaky ReLU, but found ${act.leaky}`);
  }
  return typeof act === "string" ? { ACT: NUMBERS[act], SLOPE: 0 } : { ACT: LEAKY, SLOPE: act.leaky };
}

/** act.wgsl for vec4f or f32: `activate(v)` and `activate_gradient(dy, y, z)`. */
export function actText(element: "vec4f" | "f32"): string {
  return `alias Values = ${element};\n${source}`;
}
