/**
 * All methods. A new one is a folder beside this file, and a line here.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { adtr } from "./adtr/method.ts";
import { ae } from "./ae/method.ts";
import { arnet } from "./arnet/method.ts";
import { dsvdd } from "./dsvdd/method.ts";
import { anogan } from "./anogan/method.ts";
import { fcdd } from "./fcdd/method.ts";
import { ganomaly } from "./ganomaly/method.ts";
import { gaussian } from "./gaussian/method.ts";
import { gradcon } from "./gradcon/method.ts";
import { gt } from "./gt/method.ts";
import { kdad } from "./kdad/method.ts";
import { kde } from "./kde/method.ts";
import { knn } from "./knn/method.ts";
import { locGlo } from "./loc-glo/method.ts";
import { lsa } from "./lsa/method.ts";
import { mahalanobis } from "./mahalanobis/method.ts";
import type { Method } from "./method.ts";
import { ocgan } from "./ocgan/method.ts";
import { padim } from "./padim/method.ts";
import { patchcore } from "./patchcore/method.ts";
import { pNet } from "./p-net/method.ts";
import { psvdd } from "./psvdd/method.ts";
import { scadn } from "./scadn/method.ts";
import { smai } from "./smai/method.ts";
import { spade } from "./spade/method.ts";
import { ssimAe } from "./ssim-ae/method.ts";
import { ts } from "./ts/method.ts";
import { vae } from "./vae/method.ts";
import { vaeGrad } from "./vae-grad/method.ts";
import { vevae } from "./vevae/method.ts";

/** Every method, in the order in which they are listed. Each knows its own settings; here they are any. */
export const methods: readonly Method[] = [
  adtr,
  spade,
  patchcore,
  padim,
  mahalanobis,
  knn,
  kde,
  gaussian,
  ae,
  ssimAe,
  vae,
  vaeGrad,
  dsvdd,
  fcdd,
  kdad,
  ts,
  locGlo,
  ganomaly,
  gt,
  psvdd,
  anogan,
  lsa,
  ocgan,
  gradcon,
  pNet,
  arnet,
  scadn,
  smai,
  vevae,
].map((method) => method as unknown as Method);

/** Their names. */
export const METHOD_NAMES: readonly string[] = methods.map(({ name }) => name);

/** The method of a name. @throws {UsageError} where there is none */
export function methodNamed(name: string): Method {
  const method = methods.find((method) => method.name === name);
  if (method) return method;
  throw new UsageError(
    `Expected the name of a method (${METHOD_NAMES.join(", ")}), but found ${JSON.stringify(name)}`,
  );
}
