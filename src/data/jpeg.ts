/**
 * JPEG: grey and colour, baseline and progressive, by MozJPEG compiled to WebAssembly, which gives the same bytes as
 * the libjpeg-turbo in Pillow. The orientation in EXIF is not applied, as Pillow doesn't either. The decoder only warns
 * of damage and fills up with grey: here its warnings refuse the file.
 *
 * @module
 */
import loadDecoder, { type MozJPEGModule } from "npm:@jsquash/jpeg@^1.6.0/codec/dec/mozjpeg_dec.js";
import { type Opened, type Samples, unexpected } from "./samples.ts";

/** What the decoder says of a file that is not whole; other warnings are about harmless oddities. */
const DAMAGE = /Premature end|Corrupt/;

/** Reads the frame header of a file that starts as a JPEG. */
export function openJpeg(bytes: Uint8Array): Opened {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 2; at + 10 <= bytes.length;) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) unexpected("a marker", `byte ${bytes[at]} at ${at}`);
    if (marker === 0xff) {
      at++; // filler
      continue;
    }
    // Start of a frame; the three others of the range are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const depth = bytes[at + 4], channels = bytes[at + 9];
      if (depth !== 8) unexpected("8 bits a sample", depth);
      if (channels === 4) unexpected("grey or RGB", "CMYK");
      return {
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        decode: () => decodeJpeg(bytes),
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return unexpected("a frame header", `none in ${bytes.length} bytes`);
}

let decoder: Promise<MozJPEGModule> | undefined;
let said: string[] = [];

function startDecoder(): Promise<MozJPEGModule> {
  const options = { noInitialRun: true, printErr: (line: string) => said.push(line) };
  return loadDecoder(options);
}

async function decodeJpeg(bytes: Uint8Array): Promise<Samples> {
  const { decode } = await (decoder ??= startDecoder());
  said = [];
  let result: ImageData | null;
  try {
    result = decode(bytes as Uint8Array<ArrayBuffer>, false);
  } catch (error) {
    decoder = undefined; // an error ends the whole program that the decoder is
    throw new Error(said.at(-1), { cause: error });
  }
  const damage = said.find((line) => DAMAGE.test(line));
  if (result === null || damage !== undefined) return unexpected("a whole file", `"${damage}"`);
  const { width, height, data } = result;
  return { width, height, colors: 3, stride: 4, max: 255, data: new Uint8Array(data.buffer) };
}
