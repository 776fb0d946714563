/**
 * What ops of two tensors of one shape check first.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";

/** @param what the second is called in the error. @throws {RangeError} where its shape is not that of the first */
export function expectSameShape(x: Tensor, y: Tensor, what: string): void {
  if (`${x.shape}` !== `${y.shape}`) {
    throw new RangeError(`Expected ${what} [${x.shape}], but found [${y.shape}]`);
  }
}
