/**
 * What a category finds, in a form that is easily written down.
 *
 * @module
 */
import { openCategory } from "../../src/host/dataset.ts";

/** A category's content, with paths below `root`, forward slashes. */
export async function found(root: string, name: string): Promise<unknown> {
  const local = (path: string | null): string | null =>
    path?.slice(root.length + 1).replaceAll("\\", "/") ?? null;
  const { train, anomalous, test } = await openCategory(root, name);
  return {
    train: train.map(local),
    anomalous: anomalous.map(({ path, mask }) => [local(path), local(mask)]),
    test: test.map(({ path, mask, label, defect }) => [local(path), local(mask), label, defect]),
  };
}
