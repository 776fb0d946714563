/**
 * HTML that can't be broken by what is put into it: a template tag that escapes everything but HTML of its own.
 *
 * @module
 */

/** Text that is HTML already. */
export class Markup {
  /** @param text as it stands in the file */
  constructor(readonly text: string) {}
}

/** What can be put into HTML; null is nothing. */
export type Part = string | number | null | Markup | readonly Part[];

/** Template tag: everything put in is escaped, unless it is markup itself; a list's items get a line each. */
export function markup(texts: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(String.raw({ raw: texts }, ...parts.map(written)));
}

function written(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(written).join("\n");
  return String(part ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
