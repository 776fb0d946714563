/**
 * Scores of normal images by models that have not seen them: the training images are split into parts, and each part is
 * scored by a model trained on the others (k-fold cross-validation). Thresholds are found on them.
 *
 * @module
 */
import { InputError, SettingError } from "../errors.ts";
import type { HeldOut } from "../methods/decision.ts";
import { type DataSizes, NothingToLearn } from "../methods/method.ts";
import { parseModel } from "../methods/model_file.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import { type PieceFeatures, projected } from "../score/features.ts";
import { scorePieces } from "../score/score.ts";
import type { Journal } from "./journal.ts";
import { isTrained, Learning, type LearnOptions, type Work } from "./learning.ts";

/**
 * Scores every training image by a model that has not seen it. Image i is in part i mod K, so that what changed while the
 * pictures were taken is in all parts.
 *
 * @param whole the training on all of them, which has their features
 * @returns null where no images are to be held out; and, with a warning, where there is but one, what the training begins with
 *   may have seen them, or a part of them has nothing to learn from
 * @throws as `learn`
 */
export async function holdOut(
  options: Work,
  settings: Settings,
  journal: Journal,
  sizes: DataSizes,
  whole: Learning,
): Promise<HeldOut | null> {
  const { category, onProgress, signal } = options, n = category.train.length;
  const K = Math.min(settings.folds, n), method = methodNamed(settings.method);
  if (settings.folds === 0) return null;
  const without = (reason: string): null => {
    options.source.onWarning?.(`${category.name}: no threshold was found on held-out images: ${reason}`);
    return null;
  };
  if (K < 2) return without("of one image none can be held out");
  if (options.init !== undefined) return without("what the training begins with may have learned from them");
  const known = isTrained(settings) ? await heldOutIn(options, journal, whole) : null;
  if (known?.scores.length === n) return known;
  const all = await whole.features();
  const scores = new Float32Array(n), peaks = method.maps ? new Float32Array(n) : null;
  try {
    for (let k = 0; k < K; k++) {
      const isOther = (i: number) => i % K !== k;
      const report = (done: number, total: number, unit: string): void =>
        onProgress?.({
          phase: "held-out images",
          category: category.name,
          done: k * total + done,
          total: K * total,
          unit,
        });
      const part: Work = {
        ...options,
        category: { ...category, train: category.train.filter((_, i) => isOther(i)) },
        onStart: undefined,
        onProgress: ({ phase, done, total, unit }) => {
          if (phase === "training") report(done, total, unit);
        },
      };
      const seen = { all: all.filter(({ index }) => isOther(index)) }, images = seen.all.length;
      const own = isTrained(settings) ? await journal.before(folderOf(k)) : journal;
      const learning = new Learning(part, settings, own, { ...sizes, images }, seen);
      if (settings.components > 0) await learning.reduce(settings.components);
      using fitted = await method.learn(learning.run());
      const { source } = learning; // `all` have its length already
      const held = function* (): Generator<PieceFeatures> {
        for (const piece of all) {
          if (isOther(piece.index)) continue;
          yield { ...piece, values: projected({ ...source, feature_length: "own" }, piece.values) };
        }
      };
      for await (const result of scorePieces({ source, method, fitted, settings }, held(), signal)) {
        if ("error" in result) throw result.error;
        const { index, score, map } = result;
        if (!Number.isFinite(score)) return without(`the score of ${category.train[index]} is ${score}`);
        scores[index] = score;
        if (peaks) peaks[index] = map!.data.reduce((a, b) => Math.max(a, b));
      }
      if (!isTrained(settings)) report(1, 1, "parts");
    }
  } catch (error) {
    const isDiverged = error instanceof SettingError && error.kind === "divergence";
    if (!isDiverged && !(error instanceof NothingToLearn)) throw error;
    return without(error.message);
  }
  return { scores, peaks };
}

/** Forgets what a training beside has left to go on from. */
export async function dropHeldOut(journal: Journal, settings: Settings): Promise<void> {
  if (!isTrained(settings)) return;
  for (let k = 0; k < settings.folds; k++) await journal.drop(folderOf(k));
}

/** Those of the same training, where that had ended before, and its model is whole. */
async function heldOutIn(
  { source, category }: LearnOptions,
  journal: Journal,
  { identity }: Learning,
): Promise<HeldOut | null> {
  const bytes = await journal.kept();
  if (bytes === null) return null;
  try {
    const { info: { category: _, ...info }, heldOut } = parseModel(bytes, "the finished model");
    return JSON.stringify(info) === JSON.stringify(identity) ? heldOut : null;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    source.onWarning?.(`${category.name}: ${error.message}; it is made anew`);
    return null;
  }
}

function folderOf(k: number): string {
  return `held-out-${k + 1}`;
}
