/**
 * Makes a folder that can be served as it is: this example's page, the library as one file for browsers, and beside it what
 * that fetches when it needs it, the decoders of JPEG and WebP and the bundled weights.
 *
 *     deno run -A examples/browser/bundle.ts FOLDER
 *
 * Pages get WebGPU and SHA-256 from https addresses and from localhost only.
 */
import { copyBundledWeights, writeBrowserBundle } from "../../host.ts";

const [folder] = Deno.args;
await Deno.mkdir(folder, { recursive: true });
await writeBrowserBundle(folder);
await copyBundledWeights("efficientnet_lite0", folder);
await Deno.copyFile(new URL("index.html", import.meta.url), `${folder}/index.html`);
