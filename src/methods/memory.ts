/**
 * Whether there is memory for a method, told before the work starts, and what to lower where there is not.
 *
 * @module
 */
import { SettingError } from "../errors.ts";
import { mib } from "../gpu/error.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { DataSizes, Method } from "./method.ts";
import type { Settings } from "./settings.ts";

/**
 * Checks that there is memory: on a software adapter for all of it, on hardware for what is on the host (a GPU does not tell
 * how much it has; what it has not is told when it is asked for), and that what must be bound at once can be.
 *
 * @param come bytes of training features that are not in memory yet
 * @param available bytes that this computer has left; null where nobody knows
 * @throws {SettingError} where there is not, with what is needed, what is there, and what to lower
 */
export function requireMemory(
  gpu: Gpu,
  method: Method,
  settings: Settings,
  sizes: DataSizes,
  come: number,
  available: number | null,
): void {
  const needs = method.needs(settings, sizes), limit = gpu.limits.maxStorageBufferBindingSize;
  for (const { what, bytes, lower } of needs.bound ?? []) {
    if (bytes <= limit) continue;
    throw new SettingError(
      `${what} of this training: expected at most ${mib(limit)}, which this adapter binds at once, ` +
        `but found ${mib(bytes)}.\nLower ${listed(lower)}.`,
      "memory",
    );
  }
  const needed = come + needs.host + (gpu.profile.kind === "software" ? needs.gpu : 0);
  if (available === null || needed <= available) return;
  const ways = [needs.lower.length > 0 ? `lower ${listed(needs.lower)}` : "", needs.or ?? ""];
  const help = ways.filter(Boolean).join(", or ");
  throw new SettingError(
    `${method.name} on ${sizes.images} training images needs ${mib(needed)} of memory, but found ${
      mib(available)
    } free.\n${help[0].toUpperCase()}${help.slice(1)}.`,
    "memory",
  );
}

/** `a`, `a or b`, `a, b or c`, for messages in which settings stand in braces. */
function listed(names: readonly string[]): string {
  const all = names.map((name) => `{${name}}`), last = all.pop();
  return all.length > 0 ? `${all.join(", ")} or ${last}` : last!;
}
