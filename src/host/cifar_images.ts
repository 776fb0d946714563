/**
 * CIFAR as a data set of one-class problems: ROOT is `cifar10:PATH` or `cifar100:PATH`, PATH as `openCifar` takes it, a
 * category is a class. It trains on the class's training images and tests on all test images, of which those of other
 * classes are the anomalous ones (docs/method.md §7). An image's path is ROOT/SPLIT/CLASS/NUMBER, NUMBER its place
 * among all of the split's, from 0 on.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Category } from "../data/category.ts";
import type { Cifar } from "../data/cifar.ts";
import type { Image } from "../data/image.ts";
import { openCifar } from "./cifar_files.ts";

const ROOT = /^(cifar100?):(.+)$/s, PATH = /^(cifar100?:.+)\/(train|test)\/[^/]+\/(\d+)$/s;

/** Whether ROOT, or an image's path, is one of CIFAR's. */
export function isCifar(root: string): boolean {
  return ROOT.test(root);
}

/** The two last ones that were opened: a run's data and its irrelevant images. */
const opened = new Map<string, Promise<Cifar>>();
const MOST = 2;

function open(root: string): Promise<Cifar> {
  const known = opened.get(root);
  if (known) return known;
  if (opened.size === MOST) opened.delete(opened.keys().next().value!);
  const cifar = openNamed(root);
  opened.set(root, cifar);
  cifar.catch(() => opened.delete(root));
  return cifar;
}

async function openNamed(root: string): Promise<Cifar> {
  const [, name, path] = root.match(ROOT)!;
  const cifar = await openCifar(path);
  if (cifar.name !== name) throw new InputError(`Expected ${name} in ${path}, but found ${cifar.name}`);
  return cifar;
}

/** Names of the classes, by label. @throws {InputError} as `openCifar`, or where it is the other data set */
export async function cifarClasses(root: string): Promise<string[]> {
  return (await open(root)).classes;
}

/**
 * A class against all others.
 *
 * @throws {InputError} as `openCifar`, or where there is no such class
 */
export async function cifarCategory(root: string, name: string): Promise<Category> {
  const { classes, test } = await open(root), label = classes.indexOf(name);
  if (label < 0) {
    const near = nearest(name, classes), hint = near === undefined ? "" : ` (did you mean ${near}?)`;
    throw new InputError(`Expected a class of ${root}: ${classes.join(", ")}; but found "${name}"${hint}`);
  }
  const train = (await cifarTrainingImages(root)).filter((path) => path.split("/").at(-2) === name);
  if (train.length === 0) {
    throw new InputError(`Expected training images of ${name} in ${root}, but found none`);
  }
  return {
    name,
    train,
    anomalous: [],
    test: [...test.labels].map((other, i) => ({
      path: `${root}/test/${classes[other]}/${i}`,
      mask: null,
      label: other === label ? 0 : 1,
      defect: other === label ? "good" : classes[other],
    })),
  };
}

/** Paths of all training images, of every class. */
export async function cifarTrainingImages(root: string): Promise<string[]> {
  const { classes, train } = await open(root);
  return [...train.labels].map((label, i) => `${root}/train/${classes[label]}/${i}`);
}

/** Reads an image by its path. @throws {InputError} where there is no such image */
export async function readCifarImage(path: string): Promise<Image & { data: Uint8Array<ArrayBuffer> }> {
  const [, root, split, number] = path.match(PATH) ?? [];
  const images = root && (await open(root))[split as "train" | "test"].images;
  const size = 32 * 32 * 3, at = Number(number) * size;
  if (!images || at >= images.length) {
    throw new InputError(`Expected ${path} to be an image of CIFAR, but found none of that path`);
  }
  return { width: 32, height: 32, data: images.slice(at, at + size) };
}
