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
  /** Whether kernels may read and write f16 (shader-f16). */
  readonly f16: boolean;
}

/** What the adapter says of itself. */
export interface AdapterInfo {
  /** Who made it; may be empty. */
  vendor: string;
  /** Its family; may be empty. */
  architecture: string;
  /** Its name, as the driver gives it; may be empty. */
  description: string;
  /** Whether a CPU plays the GPU (llvmpipe, SwiftShader). */
  software: boolean;
  /** Threads a subgroup, which read each other's values without memory; 0 where WGSL can't or their number varies. */
  subgroup: number;
}
