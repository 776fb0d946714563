/**
 * The command line program: `deno run -A cli.ts --help`.
 *
 * @module
 */
import { main } from "./src/commands/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
