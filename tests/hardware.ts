/**
 * The shared GPU under other circumstances: with the tiles and lanes that kernels take on real hardware, so that these
 * are tested on a software adapter too, and with less room in a binding than there is.
 *
 * @module
 */
import type { Gpu } from "../src/gpu/gpu.ts";
import type { AdapterKind } from "../src/gpu/profile.ts";
import { gpu } from "./gpu.ts";

/** The same device, said to be no software adapter. */
export const hardware: Gpu = said("hardware", 0);

/** The same device, said to be a software adapter without subgroups. */
export const alone: Gpu = said("software", 0);

/** Both ways in which kernels are specialised, by name. */
export const variants: Record<string, Gpu> = {
  software: said("software", gpu.profile.subgroup),
  hardware,
};

/** The same device, said to bind no more than `bytes` at once. */
export function binding(bytes: number): Gpu {
  return other({ limits: { ...gpu.limits, maxStorageBufferBindingSize: bytes } });
}

/** The same device, said to be of that kind. */
function said(kind: AdapterKind, subgroup: number): Gpu {
  return other({
    profile: { kind, subgroup, f16: gpu.profile.f16 },
    info: { ...gpu.info, software: kind === "software", subgroup },
  });
}

/** The same device, said to be another: steps on it take from its pool, as it is said to be. */
function other(said: Partial<Pick<Gpu, "info" | "limits" | "profile">>): Gpu {
  return Object.create(
    gpu,
    Object.fromEntries(Object.entries(said).map(([name, value]) => [name, { value }])),
  );
}
