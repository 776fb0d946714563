/**
 * The part `adapter`: what Deno sees of the adapter, and what the engine makes of it.
 *
 * @module
 */
import { Gpu } from "../../src/gpu/gpu.ts";
import { tell, told } from "./part.ts";

const { adapter: wanted } = told();
const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
if (!adapter) throw new Error("Deno finds no adapter");
const { info, features } = adapter;
const { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize } =
  info;
const limits: Record<string, number> = {};
for (const name in adapter.limits) {
  const value = adapter.limits[name as keyof GPUSupportedLimits];
  if (typeof value === "number") limits[name] = value;
}
tell({
  info: { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize },
  features: [...features].sort(),
  limits,
});
using gpu = await Gpu.open(); // tests that it computes
tell({ profile: gpu.profile, deviceFeatures: gpu.features });
if (wanted === "hardware" && gpu.info.software) {
  throw new Error("Expected hardware, but found a software adapter");
}
