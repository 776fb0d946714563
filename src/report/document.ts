/**
 * One file that is a whole web page: style, script and data inside, and a policy by which the browser runs and loads nothing
 * else, wherever the file lies.
 *
 * @module
 */
import { sha256 } from "../sha256.ts";
import { Markup, markup, type Part } from "./markup.ts";
import style from "./client/report.css" with { type: "text" };

/** What a page is made of. */
export interface DocumentParts {
  /** Of its window. */
  title: string;
  /** What is in its body. */
  body: Part;
  /** Style beside that of all pages. */
  style?: string;
  /** A JavaScript module, run when the body is there. */
  script?: string;
  /** For the script, which finds it as JSON in the element `data`; may hold any text. */
  data?: unknown;
}

/** A page as HTML text. It follows the reader's light or dark theme. */
export async function documentOf(parts: DocumentParts): Promise<string> {
  const styles = style + (parts.style ?? ""), { title, body, script, data } = parts;
  const policy = [
    "default-src 'none'",
    "img-src data:",
    `style-src ${await hashOf(styles)}`,
    ...(script === undefined ? [] : [`script-src ${await hashOf(script)}`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${inElement(styles, "style")}</style>
</head>
<body>
${body}
${
    data === undefined
      ? null
      : markup`<script type="application/json" id="data">${jsonInScript(data)}</script>`
  }
${script === undefined ? null : markup`<script type="module">${inElement(script, "script")}</script>`}
</body>
</html>
`.text;
}

/** JSON as the text of a script element: without `<`, so that nothing in it ends the element or begins a comment. */
function jsonInScript(data: unknown): Markup {
  return new Markup(JSON.stringify(data).replaceAll("<", "\\u003c"));
}

/** Text of ours as it stands. @throws {RangeError} where it would end its element */
function inElement(text: string, element: string): Markup {
  if (new RegExp(`</${element}|<!--`, "i").test(text)) {
    throw new RangeError(
      `Expected a ${element} that doesn't end itself, but found </${element} or <!-- in it`,
    );
  }
  return new Markup(text);
}

/** As a content security policy names a text. */
async function hashOf(text: string): Promise<string> {
  return `'sha256-${Uint8Array.fromHex(await sha256(text)).toBase64()}'`;
}
