/**
 * What a training needs to know.
 *
 * @module
 */
import type { AnomalousImage, Category } from "../data/category.ts";
import type { ModelState } from "../methods/adtr/detector.ts";
import type { FeatureSource } from "../score/features.ts";
import type { OnProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** What to train, and where. */
export interface TrainOptions {
  /** What makes features of the images. */
  source: FeatureSource;
  /** Whose normal images to train on. */
  category: Category;
  /** Every setting; those of the images' and the feature map's size must be the source's. */
  settings: Settings;
  /** Folder for log.jsonl, checkpoint.safetensors and model.safetensors; it must be there. */
  out: string;
  /**
   * Initial parameters. By default drawn from the seed; for the losses of ADTR+, those of an ADTR that is trained for
   * `base_epochs` first, in `out`/adtr.
   */
  init?: ModelState["parameters"];
  /** Labelled anomalous images for the losses of ADTR+; the category's by default. */
  anomalous?: readonly AnomalousImage[];
  /** Irrelevant images for L_img. */
  outliers?: readonly string[];
  /** Go on from `out`'s checkpoint; without one begin, if there is no finished model either. */
  resume?: boolean;
  /** Stops after the step at work, with a checkpoint. */
  signal?: AbortSignal;
  /** Told how features and training get on. */
  onProgress?: OnProgress;
  /** Called before the first step, once nothing is left that could be refused: the images, `init`, the checkpoint. */
  onStart?: () => Promise<void>;
  /** Seconds between checkpoints; 30 by default. */
  checkpointSeconds?: number;
}
