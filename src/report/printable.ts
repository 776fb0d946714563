/**
 * Texts that come from outside, as names of files do, on one line of a terminal.
 *
 * @module
 */

/** A text with what would break its line, move the cursor or turn the reading direction written as JSON writes it. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short = JSON.stringify(character).slice(1, -1); // \n, \t …
    return short !== character ? short : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
