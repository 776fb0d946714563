/**
 * How many there are of something, in words.
 *
 * @module
 */

/** `1 image`, `120 images`. @param what one of them */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
