/**
 * The smallest method that looks at pixels and at features: a linear student learns to say of a patch of pixels what the
 * backbone says there; a position's score is how far off it is. Importing this file, before any that asks for methods,
 * puts it into the registry of that process.
 *
 * @module
 */
import { linear } from "../../src/autograd/linear.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Scope } from "../../src/gpu/compute.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { add } from "../../src/kernels/dense/elementwise.ts";
import { norms } from "../../src/kernels/rows/squares.ts";
import { scoreByMaps } from "../../src/methods/maps.ts";
import {
  checkFeatures,
  checkPixels,
  type DataSizes,
  type Fitted,
  type Method,
  type Scores,
  type ScoreSettings,
  type State,
  tensorOf,
} from "../../src/methods/method.ts";
import { modelReader, SIZES } from "../../src/methods/model.ts";
import { METHOD_NAMES, methods } from "../../src/methods/registry.ts";
import { TRAINING_RULES, type TrainingSettings, whole } from "../../src/methods/settings.ts";
import type { Sample } from "../../src/methods/trainable.ts";
import { upload } from "../../src/model/batches.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import { Parameters } from "../../src/optim/parameters.ts";
import { fill } from "../fill.ts";
import type { GenericSchema } from "npm:valibot@^1.5.0";

type StudentSettings = Pick<TrainingSettings, "epochs" | "batch_size" | "lr" | "shuffle">;
type Sizes = Pick<DataSizes, "C" | "H" | "W" | "S">;

const { epochs, batch_size, lr, shuffle } = TRAINING_RULES;
const readModel = modelReader({ ...SIZES, S: whole(1, 4096) as GenericSchema<unknown, number> });

/** A student of the backbone. */
export const student: Method<StudentSettings> = {
  name: "student",
  about: "how far a linear student of patches of pixels is from the backbone's features",
  settings: { epochs, batch_size, lr, shuffle },
  input: "both",
  pooled: false,
  maps: true,
  seeded: true,
  readModel,
  defaults: () => ({ epochs: 4, batch_size: 4, lr: 1e-2, shuffle: true }),
  needs({ batch_size }, { C, H, W, S }) {
    const weight = C * 3 * Math.floor(S / H) ** 2, batch = 4 * batch_size * Math.max(H * W * C, S * S * 3);
    const bound = [{ what: "A batch", bytes: batch, lower: ["batch_size", "feature_size"] }];
    return { gpu: 16 * (weight + C + 128), host: 12 * (weight + C) + batch, bound, lower: ["batch_size"] };
  },
  async learn(run) {
    const { gpu, settings, sizes } = run, { epochs, lr, seed } = settings;
    const set = await run.trainingSet({ ...settings, labels: null });
    const shapes = shapesOf(sizes), drawn = (name: string, size: number) => fill(`${name} ${seed}`, size);
    const values = [...shapes].map(([name, shape]) =>
      [name, { shape, data: drawn(name, shape.reduce((a, b) => a * b)) }] as const
    );
    const fitted = new FittedStudent(gpu, { model: modelOf(sizes), tensors: new Map(values) });
    const { parameters } = fitted;
    try {
      using optimizer = new AdamW(gpu, parameters);
      const step = (scope: Scope, batch: readonly Sample[]) => {
        const wanted = upload(scope, batch.map(({ features }) => features), sizes);
        const tape = new Tape(scope), said = fitted.says(tape, batch.map(({ pixels }) => pixels!));
        const loss = meanSquaredError(tape, said, wanted);
        tape.backward(loss);
        return { loss, squares: optimizer.step(tape, { lr }), lr };
      };
      await run.optimize({ groups: [{ parameters, optimizer }], buffers: new Map(), step }, set, epochs);
      return fitted;
    } catch (error) {
      fitted[Symbol.dispose]();
      throw error;
    }
  },
  open: (gpu, state) => Promise.resolve(new FittedStudent(gpu, state)),
};

const modelOf = ({ C, H, W, S }: Sizes) => ({ C, H, W, S });
const shapesOf = ({ C, H, S }: Sizes) =>
  new Map([["weight", [C, 3 * Math.floor(S / H) ** 2]], ["bias", [C]]]);

class FittedStudent implements Fitted {
  readonly parameters: Parameters;
  #gpu: Gpu;
  #sizes: Sizes;

  constructor(gpu: Gpu, state: State) {
    this.#gpu = gpu;
    this.#sizes = readModel(state.model);
    const shapes = shapesOf(this.#sizes);
    const values = new Map([...shapes].map(([name, shape]) => [name, tensorOf(state, name, shape)]));
    this.parameters = new Parameters(gpu, shapes);
    this.parameters.load(values);
  }

  /** What is said of images [S · S, 3]: [B, N, C]. */
  says(tape: Tape, images: readonly Float32Array[]): Tensor {
    const { S, H, W } = this.#sizes, p = Math.floor(S / H), K = 3 * p * p;
    const patches = new Float32Array(images.length * H * W * K);
    images.forEach((pixels, b) => {
      for (let y = 0; y < H * p; y++) {
        for (let x = 0; x < W; x++) {
          const at = ((b * H + Math.floor(y / p)) * W + x) * K + y % p * 3 * p;
          patches.set(pixels.subarray(3 * (y * S + x * p), 3 * (y * S + x * p + p)), at);
        }
      }
    });
    const x = tape.gpu.tensor(patches, [images.length, H * W, K]);
    return linear(tape, x, this.parameters.get("weight"), this.parameters.get("bias"));
  }

  async score(features: Tensor, _: unknown, settings: ScoreSettings, pixels?: Tensor): Promise<Scores> {
    checkFeatures(features, this.#sizes);
    const [B] = features.shape, { S } = this.#sizes;
    const values = await this.#gpu.read(checkPixels(pixels, B, S)), length = S * S * 3;
    const images = Array.from({ length: B }, (_, i) => values.subarray(i * length, (i + 1) * length));
    return await scoreByMaps(this.#gpu, this.#sizes, settings, (gpu) => {
      const said = this.says(new Tape(gpu, { record: false, dropout: false }), images);
      const d = gpu.empty(features.shape), distances = gpu.empty([B, features.shape[1]]);
      add(gpu, said, features, d, -1);
      norms(gpu, d, distances);
      return distances;
    });
  }

  async state(): Promise<State> {
    return { model: modelOf(this.#sizes), tensors: await this.parameters.read() };
  }

  [Symbol.dispose](): void {
    this.parameters[Symbol.dispose]();
  }
}

if (!METHOD_NAMES.includes(student.name)) {
  (methods as Method[]).push(student as unknown as Method);
  (METHOD_NAMES as string[]).push(student.name);
}
