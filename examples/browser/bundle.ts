/**
 * Makes a folder that can be served as it is: this example's page, the library as one file for browsers, and beside it what
 * that fetches when it needs it, the JPEG decoder and the bundled weights.
 *
 *     deno run -A examples/browser/bundle.ts FOLDER
 *
 * Pages get WebGPU and SHA-256 from https addresses and from localhost only.
 */
import { fileURLToPath } from "node:url";

const [folder] = Deno.args;
const path = (specifier: string): string => fileURLToPath(import.meta.resolve(specifier));

await Deno.mkdir(`${folder}/weights`, { recursive: true });
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["bundle", "--quiet", "--platform=browser", `--output=${folder}/adtr.js`, path("../../mod.ts")],
  cwd: import.meta.dirname,
}).spawn().status;
if (code !== 0) Deno.exit(code);
for (
  const [from, to] of [
    ["./index.html", "index.html"],
    ["npm:@jsquash/jpeg@^1.6.0/codec/dec/mozjpeg_dec.wasm", "mozjpeg_dec.wasm"],
    ["../../src/model/weights/efficientnet_lite0.safetensors", "weights/efficientnet_lite0.safetensors"],
    ["../../src/model/weights/NOTICE", "weights/NOTICE"],
    ["../../src/model/weights/LICENSE", "weights/LICENSE"],
  ]
) await Deno.copyFile(path(from), `${folder}/${to}`);
