/**
 * `adtr` (You et al. 2022, arXiv 2209.01816): a transformer learns to reconstruct the features of normal images; a
 * position's score is the length of the difference. ADTR+ goes on from there with anomalous images, which it learns not
 * to reconstruct (docs/method.md §3 to §6).
 *
 * @module
 */
import { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Scope } from "../../gpu/compute.ts";
import { Random } from "../../hash.ts";
import { type AdtrConfig, adtrShapes, initialAdtr } from "../../model/adtr.ts";
import { batches, upload } from "../../model/batches.ts";
import { normalisationOf } from "../../model/normalisation.ts";
import { AdamW } from "../../optim/adamw.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import { stepDecay } from "../../optim/schedules.ts";
import type { DataSizes, Method, Run } from "../method.ts";
import type { Settings } from "../settings.ts";
import type { Sample, StepInfo, StepLog, Trainable, TrainingSet } from "../trainable.ts";
import { ablations } from "./ablations.ts";
import { trainingFlops } from "./flops.ts";
import { FittedAdtr } from "./fitted.ts";
import { lossOf } from "./loss.ts";
import { fittedOnnx } from "./onnx.ts";
import { ADTR_RULES, adtrDefaults, type AdtrSettings } from "./settings.ts";
import { type AdtrState, fromState, parametersIn, readConfig } from "./state.ts";

/** The folder of the ADTR that ADTR+ begins with, in a run's. */
const BASE = "adtr";
const LABELS = { norm: null, px: "pixels", img: "images" } as const;

/** The method. */
export const adtr: Method<AdtrSettings> = {
  name: "adtr",
  about: "a transformer that reconstructs features (You et al. 2022), and ADTR+ with {loss} px or img",
  settings: ADTR_RULES,
  input: "features",
  pooled: false,
  maps: true,
  seeded: true,
  positional: true,
  labels: ({ loss }) => LABELS[loss],
  labelled: { pixels: { loss: "px" }, images: { loss: "img" } },
  stages: [BASE],
  // ADTR+ learns from labelled images on CIFAR, elsewhere from labelled pixels.
  variants: (data) => ({
    "adtr+": {
      settings: { loss: data === "cifar" ? "img" : "px", base_epochs: 0 },
      startsFrom: "adtr",
      epochs: "epochs",
    },
  }),
  ablations,
  defaults: adtrDefaults,
  readModel: readConfig,
  check({ hidden, heads, loss, image_k, feature_size }) {
    if (hidden % heads !== 0 || hidden % 4 !== 0) {
      throw new SettingError(
        `Expected {hidden} to be a multiple of 4 and of {heads} ${heads}, but found ${hidden}`,
      );
    }
    const N = feature_size ** 2;
    if (loss === "img" && image_k > N) {
      throw new SettingError(
        `Expected {image_k} to be at most ${N}, the positions of a feature map of {feature_size} ${feature_size}, ` +
          `but found ${image_k}`,
      );
    }
  },
  needs(settings, { images, C, H, W }) {
    const { hidden: D, ffn: F, batch_size: B } = settings, N = H * W;
    const shapes = [...adtrShapes(configOf(settings, { C, H, W })).values()];
    const parameters = 4 * shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
    const byPosition = settings.score === "residual-padim", gaussians = byPosition ? 4 * N * C * (C + 1) : 0;
    return {
      gpu: 4 * parameters + gaussians, // with gradients and moments
      host: 3 * parameters + 2 * gaussians + (byPosition ? 4 * images * N * C : 0), // a checkpoint; residuals
      bound: [
        { what: "The parameters", bytes: parameters, lower: ["hidden", "ffn", "layers"] },
        {
          what: "A batch",
          bytes: 4 * B * N * Math.max(C, D, F),
          lower: ["batch_size", "feature_size", "ffn"],
        },
      ],
      lower: ["hidden", "ffn", "layers", ...(byPosition ? ["components", "feature_size"] : [])],
    };
  },
  flops({ loss, epochs, base_epochs, ...settings }, { C, H, W, images }) {
    const passes = epochs + (loss === "norm" ? 0 : base_epochs);
    return passes * trainingFlops(configOf({ ...settings, loss, epochs, base_epochs }, { C, H, W }), images);
  },
  readInit: (file, settings, sizes) => parametersIn(file, configOf(settings, sizes)),
  async learn(run) {
    const { settings } = run, labels = LABELS[settings.loss];
    const set = await run.trainingSet({ ...settings, labels });
    return await train(run, set, await initialOf(run));
  },
  open: (gpu, state) => Promise.resolve(new FittedAdtr(gpu, fromState(state))),
  onnx: (graph, state, { features }, settings) => fittedOnnx(graph, fromState(state), features, settings),
};

/** The transformer that settings ask for on features of these sizes. */
export function configOf(
  { hidden, heads, ffn, layers, dropout, architecture }: AdtrSettings,
  { C, H, W }: Pick<DataSizes, "C" | "H" | "W">,
): AdtrConfig {
  return { C, H, W, D: hidden, A: heads, F: ffn, encoder: layers, decoder: layers, dropout, architecture };
}

/** What a training begins with: what was given, for ADTR+ an ADTR that is trained first, else what the seed draws. */
async function initialOf(run: Run<AdtrSettings>): Promise<AdtrState["parameters"]> {
  const { settings } = run, { loss, base_epochs, seed } = settings;
  if (run.init !== undefined) return run.init as AdtrState["parameters"];
  if (loss !== "norm" && base_epochs > 0 && !await run.isResumed()) {
    return fromState(await run.before(BASE, { loss: "norm", epochs: base_epochs })).parameters;
  }
  return initialAdtr(configOf(settings, run.sizes), seed);
}

async function train(
  run: Run<AdtrSettings>,
  set: TrainingSet,
  parameters: AdtrState["parameters"],
): Promise<FittedAdtr> {
  const { gpu, settings, sizes } = run, config = configOf(settings, sizes);
  const normalisation = settings.feature_norm === "position" ? normalisationOf(set.normal, config.C) : null;
  const fitted = new FittedAdtr(gpu, {
    config,
    parameters,
    normalisation,
    covariance: null,
    positions: null,
  });
  try {
    using optimizer = new AdamW(gpu, fitted.adtr.parameters);
    await run.optimize(trainable(fitted, optimizer, settings), set, settings.epochs);
    await fitted.measureCovariance(batches(gpu, set.normal, config, settings.batch_size));
    if (settings.score === "residual-padim") {
      await fitted.measurePositions(batches(gpu, set.normal, config, settings.batch_size), run);
    }
    return fitted;
  } catch (error) {
    fitted[Symbol.dispose]();
    throw error;
  }
}

function trainable(fitted: FittedAdtr, optimizer: Optimizer, settings: Settings<AdtrSettings>): Trainable {
  const { adtr } = fitted, { weight_decay, clip, seed } = settings;
  return {
    groups: [{ parameters: adtr.parameters, optimizer }],
    buffers: new Map(),
    step(scope: Scope, batch: readonly Sample[], { step, epoch }: StepInfo): StepLog {
      const lr = stepDecay(settings.lr, epoch, settings.lr_step);
      const x = fitted.prepare(scope, upload(scope, batch.map(({ features }) => features), adtr.config));
      const tape = new Tape(scope, { seed: new Random(seed, `dropout ${step}`).bits() });
      const loss = lossOf(tape, adtr.forward(tape, x), x, batch, settings, adtr.config);
      tape.backward(loss);
      return { loss, squares: optimizer.step(tape, { lr, weight_decay, clip }), lr };
    },
  };
}
