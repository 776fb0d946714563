/**
 * WebP, with loss and without, by libwebp compiled to WebAssembly; of an animated one the first frame. The chunks are
 * walked here first: a file that is cut off is refused, and sizes are known before anything is allocated.
 *
 * @module
 */
import loadDecoder, { type WebPModule } from "npm:@jsquash/webp@^1.5.0/codec/dec/webp_dec.js";
import { EXIF, exifOrientation } from "./orientation.ts";
import { join, type Opened, type Samples, startsWith, unexpected } from "./samples.ts";

/** A piece of the file: its name, its content, and both with the header between them. */
interface Chunk {
  type: string;
  content: Uint8Array;
  whole: Uint8Array;
}

/** Bytes before the chunks of a file, and before those of an animation's frame. */
const FILE_HEADER = 12, FRAME_HEADER = 16;

/** Reads the chunks' headers of a file that starts as a WebP. */
export function openWebp(bytes: Uint8Array): Opened {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = 8 + view.getUint32(4, true);
  if (end > bytes.length) unexpected(`a whole file of ${end} bytes`, `${bytes.length}`);
  let chunks = chunksOf(bytes.subarray(FILE_HEADER, end));
  const canvas = find(chunks, "VP8X"), exif = find(chunks, "EXIF")?.content;
  const frame = find(chunks, "ANMF"), animated = frame !== undefined;
  if (frame) chunks = chunksOf(frame.content.subarray(FRAME_HEADER));
  const picture = find(chunks, "VP8 ") ?? find(chunks, "VP8L") ?? unexpected("a picture", "none");
  const { width, height } = sizeOf(picture);
  if (canvas && (width !== u24(canvas.content, 4) + 1 || height !== u24(canvas.content, 7) + 1)) {
    unexpected(
      `a${animated ? " first frame" : " picture"} of ${u24(canvas.content, 4) + 1}×${
        u24(canvas.content, 7) + 1
      }`,
      `${width}×${height}`,
    );
  }
  return {
    width,
    height,
    orientation: exif ? exifOrientation(startsWith(exif, EXIF) ? exif.subarray(EXIF.length) : exif) : 1,
    decode: () => decodeWebp(animated ? still(chunks, canvas!) : bytes, picture.type === "VP8 "),
  };
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), chunks: Chunk[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true), end = at + 8 + length;
    if (end > bytes.length) unexpected("whole chunks", "one that is cut off");
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    chunks.push({ type, content: bytes.subarray(at + 8, end), whole: bytes.subarray(at, end + length % 2) });
    at = end + length % 2;
  }
  return chunks;
}

function find(chunks: readonly Chunk[], name: string): Chunk | undefined {
  return chunks.find(({ type }) => type === name);
}

/** Three bytes, the lowest first. */
function u24(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16;
}

function sizeOf({ type, content }: Chunk): { width: number; height: number } {
  if (content.length < 10) unexpected("a picture", `${content.length} bytes`);
  if (type === "VP8 ") {
    return { width: u24(content, 6) & 0x3fff, height: u24(content, 8) & 0x3fff };
  }
  const bits = (u24(content, 1) | content[4] << 24) >>> 0;
  return { width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1 };
}

/** A frame's chunks as a file of its own. */
function still(chunks: readonly Chunk[], { whole }: Chunk): Uint8Array {
  const header = new Uint8Array(FILE_HEADER), canvas = whole.slice();
  const ALPHA = 0x10;
  canvas[8] = find(chunks, "ALPH") || find(chunks, "VP8L") ? ALPHA : 0;
  const content = join([
    canvas,
    ...chunks.filter(({ type }) => /^(ALPH|VP8.)$/.test(type)).map((c) => c.whole),
  ]);
  header.set(new TextEncoder().encode("RIFF"));
  new DataView(header.buffer).setUint32(4, 4 + content.length, true);
  header.set(new TextEncoder().encode("WEBP"), 8);
  return join([header, content]);
}

let decoder: Promise<WebPModule> | undefined;

async function decodeWebp(bytes: Uint8Array, lossy: boolean): Promise<Samples> {
  const options = { noInitialRun: true, printErr: () => {} };
  const { decode } = await (decoder ??= loadDecoder(options));
  let result: ImageData | null;
  try {
    result = decode(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    decoder = undefined; // an error ends the whole program that the decoder is
    throw new Error("it is cut off or damaged", { cause: error });
  }
  if (result === null) throw new Error("it is cut off or damaged");
  const { width, height, data } = result;
  return {
    width,
    height,
    colors: 3,
    stride: 4,
    alpha: true,
    max: 255,
    lossy,
    data: new Uint8Array(data.buffer),
  };
}
