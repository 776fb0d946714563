import { doesNotMatch, match, rejects } from "node:assert/strict";
import { indexPage } from "../../src/report/index_page.ts";
import { EVIL } from "./input.ts";

Deno.test("an index links to each report, by addresses that survive odd names", async () => {
  const page = await indexPage("two", "of a set", [{
    title: "Results",
    header: ["Category", "AUPRO", "How"],
    rows: [
      [{ text: "nut #1", path: ["nut #1", "report.html"] }, 0.5, "by hand"],
      [{ text: "javascript:", path: ["javascript:x", "report.html"] }, null, null],
      ["mean", 0.5, ""],
    ],
    footer: true,
  }]);
  match(
    page,
    /<th scope="row"><a href="\.\/nut%20%231\/report\.html">nut #1<\/a><\/th>\s*<td class="number">0\.500<\/td>/,
  );
  match(page, /href="\.\/javascript%3Ax\/report\.html"/);
  match(page, /<tr class="footer"><th scope="row">mean<\/th>/);
  match(page, /<dt>AUPRO<\/dt><dd>Mean share/);
  doesNotMatch(page, /<script/);
});

Deno.test("an index escapes what it is given, and refuses a row of another length", async () => {
  const page = await indexPage(EVIL, EVIL, [{
    title: EVIL,
    header: [EVIL],
    rows: [[EVIL], [{ text: EVIL, path: [EVIL] }]],
  }]);
  doesNotMatch(page, /<img|<\/script|<!--/);
  await rejects(indexPage("a", "b", [{ title: "t", header: ["a", "b"], rows: [["x"]] }]), RangeError);
});
