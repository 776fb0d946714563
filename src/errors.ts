/**
 * The errors that are a user's to mend. The command line prints their message (one or two lines) without a
 * stack trace; anything else that is thrown is a fault of the program.
 *
 * @module
 */

/** Something given to the program (a file, a folder, a value) is not what it must be. Exit code 1. */
export class InputError extends Error {
  /** The class, as a stack trace shows it. */
  override name = "InputError";
}

/** For readers of file formats: throws an error that says what was found wrong with the file. */
export type Fail = (found: string) => never;

/** An option or argument of the command line is wrong. Exit code 2. */
export class UsageError extends InputError {
  override name = "UsageError";
}
