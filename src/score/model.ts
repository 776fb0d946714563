/**
 * A model at work: what makes features of images, what a method has learned from those of normal ones, and how maps become
 * scores.
 *
 * @module
 */
import { type Image, pixelsOf } from "../data/image.ts";
import { resizeBilinear } from "../data/resize.ts";
import type { Fitted, MethodTraits, State } from "../methods/method.ts";
import { contentOf } from "../methods/model_file.ts";
import { withProjection } from "../methods/projection.ts";
import { serializeSafetensors } from "../formats/safetensors.ts";
import type { Settings } from "../methods/settings.ts";
import { type FeatureSource, pixelFeatures } from "./features.ts";
import { checkScore, scoreFeatures, type Scorer } from "./score.ts";

/** One image's result. */
export interface ImageScore {
  /** [S, S], row-major; larger is more anomalous. Null from a method that looks at whole images only. */
  map: Float32Array<ArrayBuffer> | null;
  /** S: side of the map, pixels. */
  size: number;
  /** Of the whole image; larger is more anomalous. Raw: what is too large depends on the model. */
  score: number;
}

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
  #owned: Disposable | null;
  #disposed = false;

  /**
   * For those that open and train models.
   *
   * @param owned what goes with it when it is disposed of, beside what was learned: a backbone of its own
   */
  constructor(
    { source, method, fitted, settings, info }: Pick<
      Model,
      "source" | "method" | "fitted" | "settings" | "info"
    >,
    owned: Disposable | null = null,
  ) {
    this.source = source;
    this.method = method;
    this.fitted = fitted;
    this.settings = settings;
    this.info = info;
    this.#owned = owned;
  }

  /**
   * Scores one image.
   *
   * @param image a PNG, JPEG, BMP or TIFF file's bytes, or pixels
   * @param name what errors call it
   * @throws {InputError} where it is no such image, or its score no finite number
   * @throws {Error} where the model was disposed of
   */
  async score(image: Uint8Array | Image, name = "the image"): Promise<ImageScore> {
    if (this.#disposed) throw new Error("Expected a model in use, but found one that was disposed of");
    const { image_size: S } = this.source, decoded = await pixelsOf(image, name);
    const source = { ...this.source, pooled: this.method.pooled };
    const [features] = await pixelFeatures(source, [resizeBilinear(decoded, S)], false);
    const { maps, scores } = await scoreFeatures(this, [features]);
    checkScore(scores[0], name);
    return { map: maps, size: S, score: scores[0] };
  }

  /** Its values on the host. */
  async state(): Promise<State> {
    return withProjection(await this.fitted.state(), this.source.projection ?? null);
  }

  /** A model file's bytes, as `train` writes it and `openModel` takes it. */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    const { tensors, metadata } = contentOf(this.method.name, await this.state(), this.info);
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
