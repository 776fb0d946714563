/**
 * `psvdd` (Yi & Yoon 2020, arXiv 2006.16067): Patch SVDD. A patch's score is the distance of its code to the nearest of all
 * training patches' codes; a pixel has the mean of the patches that it lies in, and the maps of small and of large patches are
 * multiplied.
 *
 * A model file has the encoder's values and of each size `small.bank` [patches, D] and `small.bank_mean` [D], `large.…`.
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { upload } from "../../model/batches.ts";
import { Bank } from "../bank.ts";
import { scoreByShare } from "../maps.ts";
import type { Fitted, Method, Scores, ScoreSettings, State } from "../method.ts";
import { bankBytes } from "../slots.ts";
import type { FittedModel } from "../trained.ts";
import { codesOf, encoder, patchesAlong, type PatchSettings, stepsOf } from "./encoder.ts";
import type { PatchSizes } from "./net.ts";
import { spreadPatches } from "./patches.ts";

const KINDS = ["small", "large"] as const;
type Banks = Record<typeof KINDS[number], Bank>;

/** The method. */
export const psvdd: Method<PatchSettings> = {
  ...encoder,
  needs(settings, data) {
    const needs = encoder.needs(settings, data),
      along = patchesAlong({ ...settings, S: settings.image_size });
    const rows = KINDS.map((kind) => data.images * along[kind] ** 2);
    const banks = rows.reduce((sum, rows) => sum + bankBytes(rows, settings.code), 0);
    return { ...needs, gpu: needs.gpu + banks, host: needs.host + 2 * banks };
  },
  async learn(run) {
    const fitted = await encoder.learn(run), { model } = fitted, { gpu, sizes } = model;
    using stack = new DisposableStack();
    stack.use(fitted);
    const { features: images } = await run.images();
    const codes = { small: [] as Float32Array<ArrayBuffer>[], large: [] as Float32Array<ArrayBuffer>[] };
    for (const [i, image] of images.entries()) {
      run.signal?.throwIfAborted();
      const [small, large] = await gpu.step((gpu) => {
        const pixels = upload(gpu, [image], sizes).view([1, sizes.S, sizes.S, 3]);
        const found = codesOf(model, gpu, pixels);
        return gpu.stream.read(found.small, found.large);
      });
      codes.small.push(small);
      codes.large.push(large);
      run.onProgress(i + 1, images.length, "images");
    }
    const bank = async (kind: typeof KINDS[number]) =>
      stack.use(await Bank.of(gpu, codes[kind], sizes.code, 4, () => {}, run.signal));
    const banks = { small: await bank("small"), large: await bank("large") };
    stack.move();
    return new PatchModel(fitted, banks);
  },
  async open(gpu, state) {
    using stack = new DisposableStack();
    const fitted = stack.use(await encoder.open(gpu, state)), D = fitted.model.sizes.code;
    const bank = async (kind: string) => stack.use(await bankOf(gpu, state, kind, D));
    const banks = { small: await bank("small"), large: await bank("large") };
    stack.move();
    return new PatchModel(fitted, banks);
  },
};

/** A bank whose tensors are called `kind.…`. */
function bankOf(gpu: Gpu, { model, tensors }: State, kind: string, D: number): Promise<Bank> {
  const own = [...tensors].filter(([name]) => name.startsWith(`${kind}.bank`))
    .map(([name, tensor]) => [name.slice(kind.length + 1), tensor] as const);
  return Bank.fromState(gpu, { model, tensors: new Map(own) }, D);
}

class PatchModel implements Fitted {
  #fitted: FittedModel<PatchSizes>;
  #banks: Banks;

  constructor(fitted: FittedModel<PatchSizes>, banks: Banks) {
    this.#fitted = fitted;
    this.#banks = banks;
  }

  async score(x: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    const { model } = this.#fitted, { gpu, sizes } = model, { S, patch } = sizes, [B, N, C] = x.shape;
    if (x.shape.length !== 3 || N !== S * S || C !== 3) {
      throw new RangeError(`Expected features [images,${S * S},3], but found [${x.shape}]`);
    }
    const along = patchesAlong(sizes), steps = stepsOf(patch), maps = new Float32Array(B * S * S);
    const [small, large] = await gpu.step((gpu) => {
      const codes = codesOf(model, gpu, x.view([B, S, S, 3]));
      const [a, b] = KINDS.map((kind) => {
        const bank = this.#banks[kind];
        return bank.nearest(gpu, bank.centre(gpu, codes[kind]), 1).distances;
      });
      return gpu.stream.read(a, b);
    });
    for (let b = 0; b < B; b++) {
      const of = (all: Float32Array, n: number) => all.subarray(b * n * n, (b + 1) * n * n);
      const fine = spreadPatches(of(small, along.small), along.small, patch / 2, steps.small, S);
      const coarse = spreadPatches(of(large, along.large), along.large, patch, steps.large, S);
      for (let i = 0; i < S * S; i++) maps[b * S * S + i] = fine[i] * coarse[i];
    }
    return await scoreByShare(gpu, { C: 1, H: S, W: S }, settings, (gpu) => gpu.tensor(maps, [B, S * S]));
  }

  async state(): Promise<State> {
    const state = await this.#fitted.state(), tensors = new Map(state.tensors);
    for (const kind of KINDS) {
      for (const [name, tensor] of await this.#banks[kind].tensors()) tensors.set(`${kind}.${name}`, tensor);
    }
    return { model: state.model, tensors };
  }

  [Symbol.dispose](): void {
    this.#fitted[Symbol.dispose]();
    for (const bank of Object.values(this.#banks)) bank[Symbol.dispose]();
  }
}
