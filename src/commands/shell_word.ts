/**
 * Paths in command lines that are printed to be used again.
 *
 * @module
 */

/** A path as a word of a shell's command line. */
export function shellWord(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
