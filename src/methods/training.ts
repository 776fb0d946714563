/**
 * What most trainings are: settings that they share, defaults by preset, and one network with one optimizer and one loss.
 *
 * @module
 */
import { Tape } from "../autograd/tape.ts";
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Random } from "../hash.ts";
import type { Optimizer, StepOptions } from "../optim/optimizer.ts";
import type { Parameters } from "../optim/parameters.ts";
import { stepDecay } from "../optim/schedules.ts";
import type { Method } from "./method.ts";
import { type CommonSettings, type Settings, TRAINING_RULES, type TrainingSettings } from "./settings.ts";
import type { StepInfo } from "./trainable.ts";
import type { TrainedMethod, TrainedModel, TrainingBatch } from "./trained.ts";

/** What {@linkcode oneLoss} is made of. */
export interface OneLoss<S extends LearningSettings & Partial<TrainingSettings>, Z extends object> {
  /** The network that learns; others are frozen by whoever passes through them. */
  readonly network: string;
  optimizer(gpu: Compute, parameters: Parameters): Optimizer;
  /**
   * Learning rate and what else the optimizer takes, in an epoch from 1 on. By default what the settings say: `lr`, a tenth of
   * it after `lr_step` where there is such a setting, `weight_decay` and `clip`.
   */
  options?(settings: Settings<S>, epoch: number): StepOptions;
  /** The loss of a batch, [1]; parts of it for the log. */
  loss(
    model: TrainedModel<Z>,
    tape: Tape,
    batch: TrainingBatch,
    settings: Settings<S>,
    at: StepInfo,
  ): Tensor | { readonly loss: Tensor; readonly parts: Readonly<Record<string, Tensor>> };
}

/** What most trainings are: one network, one optimizer, one loss. */
export function oneLoss<S extends LearningSettings & Partial<TrainingSettings>, Z extends object>(
  { network, optimizer: make, options = optionsOf, loss: lossOf }: OneLoss<S, Z>,
): TrainedMethod<S, Z>["train"] {
  return (model, settings) => {
    const { parameters } = model.networks[network], optimizer = make(model.gpu, parameters);
    return {
      groups: [{ parameters, optimizer }],
      step(scope, batch, at) {
        const tape = new Tape(scope, { seed: new Random(settings.seed, `dropout ${at.step}`).bits() });
        const found = lossOf(model, tape, batch, settings, at);
        const { loss, parts } = "loss" in found ? found : { loss: found, parts: undefined };
        tape.backward(loss);
        const step = options(settings, at.epoch);
        return { loss, parts, squares: optimizer.step(tape, step), lr: step.lr };
      },
    };
  };
}

function optionsOf(
  { lr, lr_step, weight_decay, clip }: LearningSettings & Partial<TrainingSettings>,
  epoch: number,
): StepOptions {
  return { lr: lr_step === undefined ? lr : stepDecay(lr, epoch, lr_step), weight_decay, clip };
}

/** What trained methods share: all of `TRAINING_RULES` but the step of the learning rate, which has many forms. */
export type LearningSettings = Omit<TrainingSettings, "lr_step">;
const { lr_step: _lr_step, ...rules } = TRAINING_RULES;
/** The rules of {@linkcode LearningSettings}. */
export const LEARNING_RULES = rules;

/**
 * A method's defaults: its paper's settings, a tenth of the epochs with the preset quick, and what differs in the demo, which a
 * software adapter trains in seconds.
 */
export function byPreset<S extends LearningSettings>(
  paper: S & Partial<CommonSettings>,
  demo: Partial<S & CommonSettings>,
): Method<S>["defaults"] {
  return ({ preset }) => ({
    ...paper,
    ...(preset === "quick" ? { epochs: Math.ceil(paper.epochs / 10) } : preset === "demo" ? demo : {}),
  });
}
