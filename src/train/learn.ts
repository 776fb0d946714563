/**
 * From the images of a category to a model, whatever the method, with thresholds where settings ask for them.
 *
 * @module
 */
import { mib } from "../gpu/error.ts";
import { requireMemory } from "../methods/memory.ts";
import { checkComponents, withProjection } from "../methods/projection.ts";
import type { Method, State } from "../methods/method.ts";
import { methodNamed } from "../methods/registry.ts";
import { dataSizes, sizesOf } from "../score/features.ts";
import { IN_MEMORY, onShelf } from "../score/kept.ts";
import { Model } from "../score/model.ts";
import { decisionBy } from "../score/threshold.ts";
import { dropHeldOut, holdOut } from "./hold_out.ts";
import { NO_JOURNAL } from "./journal.ts";
import { keep, Learning, type LearnOptions, type Seen } from "./learning.ts";

/**
 * Learns. A training that was stopped or killed and is gone on with ends with the same bytes as one that was not.
 *
 * @returns the model, which is the caller's to dispose of; null where it was stopped
 * @throws {InputError} where an image can't be read, the journal can't keep something, memory won't do, there is nothing to
 *   learn from the images, the checkpoint is another training's, or the loss is no number any more
 */
export async function learn(options: LearnOptions): Promise<Model | null> {
  const { source, category, settings, journal = NO_JOURNAL, signal } = options;
  const method = methodNamed(settings.method), own = sizesOf(source), { components } = settings;
  checkComponents(components, own.C);
  const sizes = await dataSizes(source, category.train, components), { images, C, H, W, P, S } = sizes;
  if (settings.tiles > 0 && method.positional) {
    source.onWarning?.(
      `${category.name}: ${method.name} learns what each position of an image looks like, but tiles have positions of any ` +
        "place: it suits textures; for anything else take patchcore, knn or mahalanobis",
    );
  }
  const available = options.available?.() ?? null;
  // Where parts are brought down to components of their own, there are features before and after that.
  const values = own.C * H * W + (settings.folds > 0 && components > 0 ? C * H * W : 0) +
    (method.pooled ? P : 0) + (method.input === "both" ? 3 * S * S : 0);
  const come = 4 * images * values, all = come * (1 + othersOf(method, options) / category.train.length);
  const { featureBytes = IN_MEMORY_SHARE * (available ?? Infinity) } = options;
  const isShelved = journal.shelf !== undefined && all > featureBytes;
  requireMemory(source.gpu, method, settings, sizes, isShelved ? 0 : come, available);
  using stack = new DisposableStack();
  const keeper = isShelved ? onShelf(stack.use(journal.shelf!())) : IN_MEMORY;
  if (isShelved) {
    source.onWarning?.(
      `${category.name}: features of ${
        mib(all)
      } are kept in a file until it has learned, as memory has no room for them`,
    );
  }
  try {
    const work = { ...options, keeper };
    const seen: Seen = {}, learning = new Learning(work, settings, journal, sizes, seen);
    if (components > 0) await learning.reduce(components);
    const state = await learnedState(method, learning),
      info = { ...learning.identity, category: category.name };
    options.onLearned?.();
    seen.images = undefined;
    const heldOut = await holdOut(work, settings, journal, sizes, learning);
    const decision = decisionBy(settings, { heldOut }), { source } = learning;
    const whole = withProjection(state, source.projection ?? null);
    await keep(options, settings, journal, whole, info, { decision, heldOut });
    await dropHeldOut(journal, settings);
    const fitted = await method.open(source.gpu, state);
    return new Model({ source, method, fitted, settings, info, decision, heldOut });
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** Of the memory that is free, how much features of a training may take. */
const IN_MEMORY_SHARE = 1 / 4;

/** How many images a method learns from beside the normal ones. */
function othersOf(
  method: Method,
  { settings, category, anomalous = category.anomalous, outliers = [] }: LearnOptions,
): number {
  const learned = method.labels?.(settings) ?? null, { length } = category.train;
  if (learned === null) return 0;
  if (anomalous.length > 0) return anomalous.length;
  return learned === "images"
    ? Math.min(outliers.length, length)
    : length + Number(settings.anomaly_pool ?? 0);
}

/** What a method has learned, on the host: the GPU has one model at a time, as others are to come for held-out images. */
async function learnedState(method: Method, learning: Learning): Promise<State> {
  using fitted = await method.learn(learning.run());
  return await fitted.state();
}
