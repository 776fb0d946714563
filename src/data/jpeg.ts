/**
 * JPEG: grey and colour, baseline and progressive, by MozJPEG compiled to WebAssembly, which gives the same bytes as
 * the libjpeg-turbo in Pillow; with four colours (CMYK) by jpeg-js. The decoder only warns of damage and fills up with
 * grey, and tells its first warning alone: here damage refuses the file, and what is harmless is taken out of it before.
 *
 * @module
 */
import loadDecoder, { type MozJPEGModule } from "npm:@jsquash/jpeg@^1.6.0/codec/dec/mozjpeg_dec.js";
import { EXIF, exifOrientation } from "./orientation.ts";
import { join, MAX_PIXELS, type Opened, type Samples, startsWith, unexpected } from "./samples.ts";

/** Second bytes of markers, of which the first is 0xff: what has no length, and what is read here. */
const FIRST_RESTART = 0xd0, LAST_RESTART = 0xd7, END = 0xd9, SCAN = 0xda, APP1 = 0xe1, ADOBE = 0xee;
/** Frames are 0xc0 to 0xcf but for these, which are tables. */
const FIRST_FRAME = 0xc0, LAST_FRAME = 0xcf, NO_FRAMES = [0xc4, 0xc8, 0xcc];
/** Frames that are read: baseline and progressive, in Huffman's and arithmetic codes. */
const READ = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
/** What the decoder says of bytes that it left out, and before which marker. */
const LEFT_OUT = /(\d+) extraneous bytes before marker 0x([0-9a-f]+)/;
/** Pixels that a byte can stand for: a block of 64 takes a bit or more, a colour may have a block for four. */
const MAX_RATIO = 64 * 8 * 4;
/** Most pixels with four colours, whose decoder takes several times the memory and the time. */
const MAX_CMYK = 2 ** 24;
/** Most pixels of all scans together: each takes its time, however few bytes it has, and there are some twenty at most. */
const MAX_SCANNED = 24 * MAX_PIXELS;

/** What a file starts with. */
export const START = Uint8Array.of(0xff, 0xd8);

/** Adobe's marker. @param transform what it says of the colours: 0 RGB, or CMYK where there are four; 1 YCbCr; 2 YCCK */
export function adobe(transform: 0 | 1 | 2): Uint8Array {
  return Uint8Array.of(
    0xff,
    ADOBE,
    0,
    14,
    ...new TextEncoder().encode("Adobe"),
    0,
    100,
    0,
    0,
    0,
    0,
    transform,
  );
}

/** A marker, what belongs to it, and after a scan's header its data. */
interface Segment {
  marker: number;
  content: Uint8Array;
  whole: Uint8Array;
}

/** Reads the segments of a file that starts as a JPEG. */
export function openJpeg(bytes: Uint8Array): Opened {
  const segments = segmentsOf(bytes);
  const frame = segments.find(({ marker: m }) =>
    m >= FIRST_FRAME && m <= LAST_FRAME && !NO_FRAMES.includes(m)
  );
  if (frame === undefined || frame.content.length < 6) {
    return unexpected("a frame header", `none in ${bytes.length} bytes`);
  }
  const [depth, high, low, wideHigh, wideLow, channels] = frame.content;
  if (!READ.includes(frame.marker)) {
    unexpected("a baseline or progressive JPEG", "one without loss or in layers");
  }
  if (depth !== 8) unexpected("8 bits a sample", depth);
  if (![1, 3, 4].includes(channels)) unexpected("1, 3 or 4 colours", channels);
  const width = wideHigh << 8 | wideLow, height = high << 8 | low;
  const exif = segments.find(({ marker, content }) => marker === APP1 && startsWith(content, EXIF));
  return {
    width,
    height,
    orientation: exif ? exifOrientation(exif.content.subarray(EXIF.length)) : 1,
    decode() {
      const scans = segments.filter(({ marker }) => marker === SCAN).length;
      if (scans === 0) unexpected("pixels", "none");
      if (scans * width * height > MAX_SCANNED) {
        unexpected(
          `at most ${Math.floor(MAX_SCANNED / (width * height))} scans of ${width}×${height} pixels`,
          scans,
        );
      }
      if (width * height > MAX_RATIO * bytes.length) {
        unexpected(`${width}×${height} pixels, as declared`, `only ${bytes.length} bytes for them`);
      }
      if (channels === 4 && width * height > MAX_CMYK) {
        unexpected(`at most ${MAX_CMYK} pixels of four colours`, `${width}×${height}`);
      }
      const ends = segments.at(-1)!.marker === END;
      if (!ends && !isComplete(segments, channels)) {
        unexpected("a whole file", "one that ends before its last scan");
      }
      const pieces = [START, ...segments.map(({ whole }) => whole)];
      if (!ends) pieces.push(Uint8Array.of(0xff, END));
      if (channels !== 4) return decodeJpeg(join(pieces), ends);
      if (!segments.some(({ marker }) => marker === ADOBE)) pieces.splice(1, 0, adobe(0));
      return decodeCmyk(join(pieces));
    },
  };
}

/** The segments up to the end of the picture. Bytes that stand between them belong to none. */
function segmentsOf(bytes: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  for (let at = 2; at + 2 <= bytes.length;) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === 0xff || marker < FIRST_FRAME) {
      at++; // a filler, or a stray byte
      continue;
    }
    const bare = marker >= FIRST_RESTART && marker <= END;
    const length = bare ? 0 : bytes[at + 2] << 8 | bytes[at + 3], end = at + 2 + length;
    if (end > bytes.length || !bare && length < 2) break; // cut off
    const next = marker === SCAN ? endOfScan(bytes, end) : end;
    segments.push({ marker, content: bytes.subarray(at + 4, end), whole: bytes.subarray(at, next) });
    if (marker === END) break;
    at = next;
  }
  return segments;
}

/** The place of the marker behind a scan's data, in which 0 follows what looks like one, but for restarts. */
function endOfScan(bytes: Uint8Array, at: number): number {
  for (at = bytes.indexOf(0xff, at); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const next = bytes[at + 1];
    if (next === 0xff) at++;
    else if (next === 0 || next >= FIRST_RESTART && next <= LAST_RESTART) at += 2;
    else return at;
  }
  return bytes.length;
}

/** Whether scans have every coefficient of every colour, to its last bit: the last of a progressive file may be missing. */
function isComplete(segments: readonly Segment[], channels: number): boolean {
  const left = new Map<number, Set<number>>(); // coefficients of a colour that are not there to their last bit
  for (const { marker, content } of segments) {
    if (marker !== SCAN) continue;
    const [count, ...rest] = content;
    const [first, last, bits] = rest.slice(2 * count);
    for (let i = 0; i < count; i++) {
      const missing = left.get(rest[2 * i]) ?? new Set(Array.from({ length: 64 }, (_, k) => k));
      left.set(rest[2 * i], missing);
      if ((bits & 15) === 0) { for (let k = first; k <= last; k++) missing.delete(k); }
    }
  }
  return left.size === channels && [...left.values()].every(({ size }) => size === 0);
}

let decoder: Promise<MozJPEGModule> | undefined;
let said: string[] = [];

function startDecoder(): Promise<MozJPEGModule> {
  const options = { noInitialRun: true, printErr: (line: string) => said.push(line) };
  return loadDecoder(options);
}

async function decodeJpeg(bytes: Uint8Array<ArrayBuffer>, hasEnd: boolean): Promise<Samples> {
  const { decode } = await (decoder ??= startDecoder());
  said = [];
  let result: ImageData | null;
  try {
    result = decode(bytes, false);
  } catch (error) {
    decoder = undefined; // an error ends the whole program that the decoder is
    throw new Error(said.at(-1), { cause: error });
  }
  const damage = said.find((line) =>
    /Premature end|Corrupt/.test(line) && !(hasEnd && isHarmless(line, bytes))
  );
  if (result === null || damage !== undefined) return unexpected("a whole file", `"${damage}"`);
  const { width, height, data } = result;
  return { width, height, colors: 3, stride: 4, max: 255, lossy: true, data: new Uint8Array(data.buffer) };
}

/** Bytes too many before a restart or another scan, or padding before the end, take nothing from the pixels. */
function isHarmless(warning: string, bytes: Uint8Array): boolean {
  const [, count, marker] = LEFT_OUT.exec(warning) ?? [];
  if (count === undefined) return false;
  const padding = bytes.subarray(-2 - Number(count), -2);
  return Number(`0x${marker}`) !== END || padding.every((byte) => byte === padding[0]);
}

async function decodeCmyk(bytes: Uint8Array): Promise<Samples> {
  const { decode } = await import("npm:jpeg-js@^0.4.4");
  const options = {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxMemoryUsageInMB: 4096,
  } as const;
  const { width, height, data } = decode(bytes, options);
  return { width, height, colors: 3, stride: 3, max: 255, lossy: true, data };
}
