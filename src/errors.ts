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

/** A value as errors tell it, a long one by its begin and its length: a mask may have thousands of characters. */
export function shortened(value: unknown, most = 80): string {
  const text = String(value);
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
}

/** For readers of file formats: throws an error that says what was found wrong with the file. */
export type Fail = (found: string) => never;

/** An option or argument of the command line is wrong. Exit code 2. */
export class UsageError extends InputError {
  /** The class, as a stack trace shows it. */
  override name = "UsageError";
}

/**
 * A setting is not what it must be, or memory will not do unless some are lowered. Their names stand in braces in what it is
 * made of, so that the command line can spell them as its options; `message` has the names alone.
 */
export class SettingError extends InputError {
  /** The class, as a stack trace shows it. */
  override name = "SettingError";
  /** The message with settings as `{batch_size}`. */
  readonly template: string;
  /** Whether a value is wrong in itself, asks for more memory than there is, lets a training diverge, or does not go with what was found. */
  readonly kind: "value" | "memory" | "divergence" | "data";

  /** An error to throw. @param template what was expected and what was found, settings in braces */
  constructor(template: string, kind: SettingError["kind"] = "value") {
    super(spell(template, (name) => name));
    this.template = template;
    this.kind = kind;
  }

  /** The same of one of several, such as a method among others. */
  of(name: string): SettingError {
    return new SettingError(`For ${name}: ${this.template}`, this.kind);
  }

  /** The settings that the message names. */
  get settings(): string[] {
    return [...this.template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  }

  /** The message with every setting's name as `as` spells it. */
  spelled(as: (name: string) => string): string {
    return spell(this.template, as);
  }
}

/** A text that has settings in braces, with every name as `as` spells it. */
export function spell(template: string, as: (name: string) => string): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => as(name));
}
