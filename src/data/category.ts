/**
 * A category of a data set: its images by name, whatever `Images` has them, and what is known of each.
 *
 * @module
 */

/** An image with a defect. */
export interface AnomalousImage {
  /** Its name; of a file its path. */
  path: string;
  /**
   * The name of its mask, of the image's size: anomalous where it is not black; of files also a folder of several, anomalous
   * where one is. Null where there is none.
   */
  mask: string | null;
}

/** A test image. */
export interface TestImage extends AnomalousImage {
  /** 0 normal, 1 with a defect. */
  label: 0 | 1;
  /** The folder it lies in: "good" or the defect's name; "defect" where it lies directly in `test`. */
  defect: string;
}

/** Names of a category's images; of files in the order of their folders' and their own names. */
export interface Category {
  /** Its folder's name. */
  name: string;
  /** Normal images to train on; at least one. */
  train: string[];
  /** Labelled anomalous images to train on. */
  anomalous: AnomalousImage[];
  /** Images to test with, normal and defective; may be empty. */
  test: TestImage[];
}

/** The anomalous test images that have no mask, where others have one; of those without any, none. */
export function withoutMask(test: readonly TestImage[]): TestImage[] {
  const anomalous = test.filter(({ label }) => label === 1);
  const missing = anomalous.filter(({ mask }) => mask === null);
  return missing.length < anomalous.length ? missing : [];
}
