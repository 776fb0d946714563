/**
 * CSV as spreadsheets and programs read it.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { csvLine, csvRows } from "../../src/report/csv.ts";

Deno.test("no text is a formula to a spreadsheet, and numbers are numbers", () => {
  equal(csvLine(["=1+1", "+1", "-1.png", "@SUM(A1)", "\ta", "'a"]), "'=1+1,'+1,'-1.png,'@SUM(A1),'\ta,''a\n");
  equal(csvLine(['=HYPERLINK("x","y")', "\r"]), `"'=HYPERLINK(""x"",""y"")","'\r"\n`);
  equal(csvLine(["a=b", "a-b", "", null, -1.5, 0, 1e-30]), "a=b,a-b,,,-1.5,0,1e-30\n");
});

Deno.test("whatever the text, it can be read back", () => {
  const text = fc.string({
    unit: fc.constantFrom("=", "'", '"', ",", "\n", "\r", "-", "a", "é"),
    maxLength: 6,
  });
  fc.assert(fc.property(fc.array(text, { minLength: 2, maxLength: 4 }), (cells) => {
    deepEqual(read(csvLine(cells)), cells);
  }));
});

/** A line's texts. */
function read(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)[,\n]/g)].map(([, cell]) => {
    const text = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    return text.replace(/^'/, "");
  });
}

Deno.test("what was written is read again", () => {
  const text = fc.string({ minLength: 1, unit: fc.constantFrom("a", '"', ",", "\n", "'", "=", "é", " ") });
  fc.assert(
    fc.property(fc.array(fc.array(text, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (rows) => {
      deepEqual(csvRows(rows.map(csvLine).join("")), rows);
    }),
  );
  deepEqual(csvRows(csvLine(["a", null, 2.5])), [["a", "", "2.5"]]);
});
