/**
 * The files of a folder at an address of this machine, and a Chromium that opens it with WebGPU played by the CPU.
 *
 * @module
 */
import { extname, join } from "node:path";
import axe from "npm:axe-core@^4.14.1";
import { type Browser, chromium, type Page } from "npm:playwright-core@^1.65.1";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Serves a folder's files, with headers of one's own; a folder's address is that of its index.html. */
export function serve(folder: string, own: Record<string, string> = {}): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url), path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    try {
      const headers = { "content-type": TYPES[extname(path)] ?? "application/octet-stream", ...own };
      return new Response(await Deno.readFile(join(folder, path)), { headers });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return new Response(null, { status: 404 });
    }
  });
}

/** Has WebGPU played by the CPU. */
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Starts a Chromium. @param args in the place of those that give it WebGPU @throws {Error} where there is none */
export async function openBrowser(args: readonly string[] = WEBGPU): Promise<Browser> {
  return await chromium.launch({ executablePath: await findChromium(), args: [...args] });
}

async function findChromium(): Promise<string> {
  const given = Deno.env.get("CHROMIUM"), folders = (Deno.env.get("PATH") ?? "").split(":");
  const paths = given ? [given] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  for (const path of paths) {
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  throw new Error(
    `Expected a Chromium to test with, but found ${
      given ? `none at ${given}, as CHROMIUM has it` : "none"
    }.\n` +
      "On Debian, `apt-get install chromium` gets one; of another the variable CHROMIUM can tell the path.",
  );
}

/** What axe finds against WCAG 2.2 AA. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    `axe.run(document, ${JSON.stringify({ runOnly: tags })})`,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
