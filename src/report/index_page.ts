/**
 * A page over several runs: tables of their results, with links to the report of each.
 *
 * @module
 */
import { documentOf } from "./document.ts";
import { type Markup, markup } from "./markup.ts";
import { METRIC_NOTES } from "./metric_notes.ts";
import { type Cell, formatCells, isNumeric } from "./table.ts";

/** A cell that leads somewhere. */
export interface LinkCell {
  text: string;
  /** A path from the page's folder, its parts as they are named. */
  path: readonly string[];
}

/** A table of an index. */
export interface IndexTable {
  title: string;
  /** Names of the columns. */
  header: readonly string[];
  /** Rows, with a cell for each column; the first one names the row. */
  rows: readonly (readonly (Cell | LinkCell)[])[];
  /** Decimals, of all columns or by column; 3 by default. */
  digits?: number | readonly number[];
  /** Whether the last row sums up the others. */
  footer?: boolean;
}

/**
 * The page as HTML text.
 *
 * @throws {RangeError} if a row hasn't got a cell for each column
 */
export async function indexPage(
  title: string,
  subtitle: string,
  tables: readonly IndexTable[],
): Promise<string> {
  const notes = Object.values(METRIC_NOTES).map(({ title, meaning }) =>
    markup`<div><dt>${title}</dt><dd>${meaning}</dd></div>`
  );
  const body = markup`<header>
<h1>${title}</h1>
<p class="quiet">${subtitle}</p>
</header>
<main>
${tables.map(tableOf)}
<section><h2>What the metrics mean</h2>
<dl class="facts">${notes}</dl></section>
</main>`;
  return await documentOf({ title, body });
}

function tableOf({ title, header, rows, digits, footer = false }: IndexTable): Markup {
  const plain = rows.map((row) => row.map((cell) => isLink(cell) ? cell.text : cell));
  const texts = formatCells(plain, header.length, digits);
  const kinds = header.map((_, c) => isNumeric(plain.slice(0, footer ? -1 : undefined), c) ? "number" : "");
  const body = texts.map((row, r) => {
    const cells = row.map((text, c) => {
      const cell = rows[r][c], shown = isLink(cell) ? markup`<a href="${addressOf(cell)}">${text}</a>` : text;
      return c === 0 ? markup`<th scope="row">${shown}</th>` : markup`<td class="${kinds[c]}">${shown}</td>`;
    });
    return markup`<tr${footer && r === rows.length - 1 ? markup` class="footer"` : null}>${cells}</tr>`;
  });
  return markup`<section>
<h2>${title}</h2>
<div class="wide" tabindex="0" role="region" aria-label="${title}"><table>
<thead><tr>${header.map((name, c) => markup`<th scope="col" class="${kinds[c]}">${name}</th>`)}</tr></thead>
<tbody>${body}</tbody>
</table></div>
</section>`;
}

function isLink(cell: Cell | LinkCell): cell is LinkCell {
  return typeof cell === "object" && cell !== null;
}

function addressOf({ path }: LinkCell): string {
  return `./${path.map(encodeURIComponent).join("/")}`;
}
