/**
 * The part `tune`: `adtr bench tune`, told as it is and in words, family by family, so that none is lost if a later one dies.
 *
 * @module
 */
import { formatTuning } from "../../src/bench/tune/format.ts";
import { familiesFor, tuneFamily } from "../../src/bench/tune/tune.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { left, tell, told } from "./part.ts";

const options = told(), all = left(options);
const { info: { description: adapter }, profile } = await about();
const wanted = familiesFor(profile.kind);
for (const [i, one] of wanted.entries()) {
  const family = await tuneFamily(one, { seconds: (left(options) - 5) / (wanted.length - i) });
  tell({ family });
  console.log(formatTuning({ adapter, ...profile, seconds: all - left(options), families: [family] }));
}

async function about(): Promise<Pick<Gpu, "info" | "profile">> {
  using gpu = await Gpu.open();
  return { info: gpu.info, profile: gpu.profile };
}
