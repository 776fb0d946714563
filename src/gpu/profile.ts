/**
 * What an adapter is and can do, as far as kernels are made for it: tables of tiles are indexed by its kind, and nothing
 * else asks what the adapter is.
 *
 * @module
 */

/** `software`: a CPU plays the GPU (llvmpipe, SwiftShader), with few, wide lanes and no memory of its own. */
export type AdapterKind = "software" | "hardware";

/** An adapter's. */
export interface Profile {
  /** Which column of a kernel's table holds. */
  readonly kind: AdapterKind;
  /** Threads a subgroup, which read each other's values without memory; 0 where WGSL can't or their number varies. */
  readonly subgroup: number;
}
