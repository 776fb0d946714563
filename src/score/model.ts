/**
 * A model at work: what makes features of images, what a method has learned from those of normal ones, and how maps become
 * scores.
 *
 * @module
 */
import { type Image, pixelsOf } from "../data/image.ts";
import { frameOf, STRETCH } from "../data/frame.ts";
import { piecesOf } from "../data/load.ts";
import type { Fitted, MethodTraits, State } from "../methods/method.ts";
import type { Decision, HeldOut } from "../methods/decision.ts";
import { contentOf } from "../methods/model_file.ts";
import { withProjection } from "../methods/projection.ts";
import { serializeSafetensors } from "../formats/safetensors.ts";
import type { Content } from "../formats/tensor_file.ts";
import type { Settings } from "../methods/settings.ts";
import { featuresOf, type FeatureSource, sourceFor } from "./features.ts";
import { checkScore, scorePieces, type Scorer } from "./score.ts";
import { decide, type Verdict } from "./verdict.ts";

/** Scores images. Holds memory of the GPU until it is disposed of. */
export class Model implements Disposable, Scorer {
  /** What makes features of images, as in training. */
  readonly source: FeatureSource;
  /** Which method it is of. */
  readonly method: MethodTraits;
  /** What that has learned. */
  readonly fitted: Fitted;
  /** In effect. */
  readonly settings: Settings;
  /** What its file remembers beside: the settings of its training, the backbone's fingerprint as `features`, the category. */
  readonly info: Readonly<Record<string, unknown>>;
  /** Above which scores something is anomalous; kept by `toBytes`. */
  decision: Decision;
  /** Scores of held-out normal images, that it was found on; null where none were held out. */
  readonly heldOut: HeldOut | null;
  #owned: Disposable | null;
  #disposed = false;

  /**
   * For those that open and train models.
   *
   * @param owned what goes with it when it is disposed of, beside what was learned: a backbone of its own
   */
  constructor(
    { source, method, fitted, settings, info, decision, heldOut }: Pick<
      Model,
      "source" | "method" | "fitted" | "settings" | "info" | "decision" | "heldOut"
    >,
    owned: Disposable | null = null,
  ) {
    this.source = source;
    this.method = method;
    this.fitted = fitted;
    this.settings = settings;
    this.info = info;
    this.decision = decision;
    this.heldOut = heldOut;
    this.#owned = owned;
  }

  /**
   * Scores one image.
   *
   * @param image a PNG, JPEG, WebP, GIF, BMP or TIFF file's bytes, or pixels
   * @param name what errors call it
   * @throws {InputError} where it is no such image, or its score no finite number
   * @throws {Error} where the model was disposed of
   */
  async score(image: Uint8Array | Image, name = "the image"): Promise<Verdict> {
    const [verdict] = await this.scoreBatch([await pixelsOf(image, name)], [name]);
    return verdict;
  }

  /**
   * Scores images together; one's verdict does not depend on the others.
   *
   * @param names what errors call them
   * @throws {InputError} where a score is no finite number, or the model's region of interest does not lie in an image
   * @throws {Error} where the model was disposed of
   */
  async scoreBatch(images: readonly Image[], names: readonly string[] = []): Promise<Verdict[]> {
    if (this.#disposed) throw new Error("Expected a model in use, but found one that was disposed of");
    const { image_size: S, framing = STRETCH } = this.source, source = sourceFor(this.source, this.method);
    const nameOf = (i: number): string => names[i] ?? "the image";
    const pieces = images.flatMap((image, i) => {
      const frame = frameOf(image, S, framing, nameOf(i));
      return [...piecesOf(() => Promise.resolve(image), frame, i, null)];
    });
    const verdicts: Verdict[] = [];
    for await (const result of scorePieces(this, featuresOf(source, pieces))) {
      if ("error" in result) throw result.error;
      const { index, score, map, frame } = result;
      checkScore(score, nameOf(index));
      verdicts.push({ score, ...decide(this.decision, score), map, area: frame.area });
    }
    return verdicts;
  }

  /** Its values on the host. */
  async state(): Promise<State> {
    return withProjection(await this.fitted.state(), this.source.projection ?? null);
  }

  /** What a model file holds, as tensors and texts. */
  async content(): Promise<Content> {
    return contentOf(this.method.name, await this.state(), this.info, this);
  }

  /**
   * A model file's bytes, as `train` writes it and `openModel` takes it: with the settings of its training, also where the model
   * was opened with others for scoring, of which a file has nothing but their `decision`; that is none unless it was set since.
   */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    const { tensors, metadata } = await this.content();
    return serializeSafetensors(tensors, metadata);
  }

  /** Gives its memory back; it can't be used any more. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.fitted[Symbol.dispose]();
    this.#owned?.[Symbol.dispose]();
  }
}
