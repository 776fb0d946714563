/**
 * Decoding: files of every kind against Pillow (tests/golden/images.py), and damage of every kind, which must be
 * refused with the file's name.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { formatOf, imageSize } from "../../src/data/decode.ts";
import { MAX_PIXELS } from "../../src/data/samples.ts";
import { decodeImage, encodeGreyPng, encodePng } from "../../src/data/image.ts";
import { decodeMask } from "../../src/data/mask.ts";
import { InputError } from "../../src/errors.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { fill } from "../fill.ts";

const { tensors } = await readSafetensors(new URL("../golden/images.safetensors", import.meta.url).pathname);
const kinds = [...tensors.keys()].filter((key) => key.startsWith("file.")).map((key) => key.slice(5));
const file = (kind: string): Uint8Array<ArrayBuffer> => tensors.get(`file.${kind}`)!.bytes.slice();
const good = kinds.filter((kind) => tensors.has(`rgb.${kind}`));
/** Files of which the decoder is another than Pillow's, and how far levels may be apart. */
const NEAR = /^jpeg\.(cmyk|ycck)/, LEVELS = 2;

for (const kind of kinds) {
  const expected = tensors.get(`rgb.${kind}`);
  if (expected === undefined) {
    Deno.test(`${kind} is refused`, async () => {
      await rejects(decodeImage(file(kind), "some/file"), { name: "InputError", message: /some\/file/ });
    });
  } else {
    Deno.test(`${kind} gives Pillow's bytes`, async () => {
      const [height, width] = expected.shape;
      const found = await decodeImage(file(kind), kind), data = Uint8Array.from(expected.bytes);
      if (NEAR.test(kind)) {
        const apart = Math.max(...data.map((level, i) => Math.abs(level - found.data[i])));
        ok(apart <= LEVELS, `${apart}`);
        deepEqual([found.width, found.height], [width, height]);
      } else deepEqual(found, { width, height, data });
      deepEqual(await imageSize(file(kind), kind), { width, height });
      equal(formatOf(file(kind))?.toLowerCase(), kind.split(".")[0]);
    });
  }
}

Deno.test("PNG: what is encoded comes back", async () => {
  const sides = fc.integer({ min: 8, max: 40 });
  await fc.assert(
    fc.asyncProperty(sides, sides, fc.integer(), async (width, height, seed) => {
      const data = Uint8Array.from(
        { length: 3 * width * height },
        (_, i) => Math.imul(i + seed, 2654435761) >>> 24,
      );
      deepEqual(await decodeImage(encodePng({ width, height, data }), ""), { width, height, data });
      const grey = data.subarray(0, width * height).map((v) => v & 1);
      deepEqual(await decodeMask(encodeGreyPng({ width, height, data: grey }), ""), {
        width,
        height,
        data: grey,
      });
    }),
    { numRuns: 20 },
  );
});

Deno.test("a view into a larger buffer is decoded alike", async () => {
  for (const kind of good) {
    const whole = file(kind), padded = new Uint8Array(whole.length + 14);
    padded.fill(0x5a).set(whole, 7);
    const view = padded.subarray(7, 7 + whole.length);
    deepEqual(await decodeImage(view, kind), await decodeImage(whole, kind), kind);
  }
});

Deno.test("a file cut off anywhere is refused, unless every pixel is left", async () => {
  for (const kind of good) {
    const whole = file(kind), { data } = await decodeImage(whole, kind);
    for (let length = 0; length < whole.length; length += 1 + length % 37) {
      try {
        const cut = await decodeImage(whole.subarray(0, length), `cut ${kind}`);
        deepEqual(cut.data, data, `${kind} cut at ${length} of ${whole.length}`);
      } catch (error) {
        ok(error instanceof InputError, `${kind} at ${length}: ${(error as Error).stack}`);
        ok(error.message.includes(`cut ${kind}`), error.message);
      }
    }
  }
});

Deno.test("a damaged file gives an image or an InputError, nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (kind, changes) => {
        const bytes = file(kind);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          const { width, height, data } = await decodeImage(bytes, kind);
          equal(data.length, 3 * width * height);
        } catch (error) {
          ok(error instanceof InputError, `${kind}: ${(error as Error).stack}`);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

Deno.test("PNG: a wrong checksum is damage", async () => {
  const bytes = file("png.rgb");
  bytes[bytes.length - 20] ^= 1; // in the pixels' checksum
  await rejects(decodeImage(bytes, "x.png"), { name: "InputError", message: /x\.png as a PNG.*CRC/ });
});

Deno.test("JPEG: the decoder works on after a file that ended it", async () => {
  const broken = file("jpeg.rgb");
  broken.fill(0, broken.length >> 1);
  await rejects(decodeImage(broken, "x.jpg"), InputError);
  const headless = Uint8Array.from([...broken.subarray(0, 330), 0xff, 0xd9]);
  await rejects(decodeImage(headless, "x.jpg"), InputError);
  deepEqual((await decodeImage(file("jpeg.rgb"), "")).data, tensors.get("rgb.jpeg.rgb")!.bytes.slice());
});

Deno.test("JPEG: scans that cost time and no bytes are refused", async () => {
  const bytes = file("jpeg.progressive");
  const frame = bytes.findIndex((v, i) => v === 0xff && bytes[i + 1] === 0xc2);
  const scan = bytes.findLastIndex((v, i) => v === 0xff && bytes[i + 1] === 0xda);
  bytes.set([0x10, 0, 0x10, 0], frame + 5); // 4096×4096
  const last = bytes.subarray(scan, -2), scans = Array.from({ length: 2000 }, () => [...last]).flat();
  const many = Uint8Array.from([...bytes.subarray(0, -2), ...scans, 0xff, 0xd9]);
  await rejects(decodeImage(many, "x.jpg"), {
    name: "InputError",
    message: /x\.jpg as a JPEG.*at most 96 scans of 4096×4096 pixels, but found 20\d\d/,
  });
});

Deno.test("TIFF: samples of 12 and 16 bits are the same in either byte order", async () => {
  const width = 10, height = 8, values = Array.from({ length: width * height }, (_, i) => i * 37 % 4096);
  for (const bits of [12, 16]) {
    const wanted = values.map((value) => Math.round(value * 255 / (2 ** bits - 1))).flatMap((v) => [v, v, v]);
    for (const little of [true, false]) {
      const tags = [[256, width], [257, height], [258, bits], [259, 1], [262, 1], [273, 200], [277, 1]]
        .concat([[278, height], [279, bits * width * height / 8]]);
      const bytes = new Uint8Array(200 + bits * width * height / 8), view = new DataView(bytes.buffer);
      bytes.set(new TextEncoder().encode(little ? "II" : "MM"));
      view.setUint16(2, 42, little);
      view.setUint32(4, 8, little);
      view.setUint16(8, tags.length, little);
      tags.forEach(([tag, value], i) => {
        [tag, 4].forEach((half, at) => view.setUint16(10 + 12 * i + 2 * at, half, little)); // LONG
        [1, value].forEach((word, at) => view.setUint32(10 + 12 * i + 4 + 4 * at, word, little));
      });
      values.forEach((value, i) => {
        if (bits === 16) return view.setUint16(200 + 2 * i, value, little);
        const at = 200 + Math.floor(1.5 * i); // packed from the highest bit on, in both orders
        view.setUint16(at, i % 2 ? view.getUint16(at) | value : value << 4);
      });
      deepEqual([...(await decodeImage(bytes, "x.tif")).data], wanted, `${bits} bits, little ${little}`);
    }
  }
});

Deno.test("TIFF: more bytes of samples than the largest picture has are refused", async () => {
  const bytes = file("tiff.float"), view = new DataView(bytes.buffer), directory = view.getUint32(4, true);
  // Width and height of 8192, 64 bits, and in the place of PlanarConfiguration two samples a pixel.
  const values: Record<number, [tag: number, value: number]> = {
    256: [256, 8192],
    257: [257, 8192],
    258: [258, 64],
    284: [277, 2],
  };
  for (let at = directory + 2; at < directory + 2 + 12 * view.getUint16(directory, true); at += 12) {
    const [tag, value] = values[view.getUint16(at, true)] ?? [];
    if (tag === undefined) continue;
    view.setUint16(at, tag, true);
    view.setUint16(at + 8, value!, true);
  }
  await rejects(decodeImage(bytes, "x.tif"), {
    name: "InputError",
    message: /x\.tif as a TIFF.*samples of at most 536870912 bytes, but found 1073741824/,
  });
});

Deno.test("GIF: codes of too many bits, or of runs that were not there before, are refused", async () => {
  const screen = [9, 0, 9, 0, 0x80, 0, 0, ...[0, 0, 0, 255, 255, 255]],
    frame = [0x2c, 0, 0, 0, 0, 9, 0, 9, 0, 0];
  const data = [135, 4, 1, 2, 3, 4, 0, 0x3b];
  const bytes = Uint8Array.from([...new TextEncoder().encode("GIF89a"), ...screen, ...frame, ...data]);
  await rejects(decodeImage(bytes, "x.gif"), {
    name: "InputError",
    message: /x\.gif as a GIF.*bits on.*135/,
  });
  const plain = file("gif.plain"), at = plain.lastIndexOf(8, plain.indexOf(0x2c, 13 + 3 * 128) + 10);
  equal(plain[at], 8); // bits of a colour
  plain[at] = 2;
  await rejects(decodeImage(plain, "x.gif"), {
    name: "InputError",
    message: /x\.gif as a GIF.*runs that were there before/,
  });
});

Deno.test("GIF: as many codes as there can be, with and without beginning again", async () => {
  const width = 120, height = 100, seed = fill("gif", width * height, 0, 256);
  const colors = Uint8Array.from({ length: 768 }, (_, i) => i * 37);
  for (const [clears, few] of [[true, 256], [false, 256], [false, 3]] as const) {
    const pixels = Uint8Array.from(seed, (value) => value % few);
    const packed = packCodes(pixels, clears), blocks: number[] = [];
    for (let i = 0; i < packed.length; i += 255) {
      const block = packed.slice(i, i + 255);
      blocks.push(block.length, ...block);
    }
    const sides = [width, 0, height, 0];
    const bytes = Uint8Array.from([
      ...[...new TextEncoder().encode("GIF89a"), ...sides, 0xf7, 0, 0, ...colors],
      ...[0x2c, 0, 0, 0, 0, ...sides, 0, 8, ...blocks, 0, 0x3b],
    ]);
    const wanted = [...pixels].flatMap((i) => [...colors.subarray(3 * i, 3 * i + 3)]);
    deepEqual((await decodeImage(bytes, "x.gif")).data, Uint8Array.from(wanted));
  }
});

/** LZW of bytes, as GIF has it. @param clears whether to begin again when all codes are taken */
function packCodes(pixels: Uint8Array, clears: boolean): number[] {
  const out: number[] = [];
  let held = 0, bits = 0, size = 9, next = 258, codes = new Map<string, number>();
  const put = (code: number): void => {
    held |= code << bits;
    for (bits += size; bits >= 8; bits -= 8, held >>>= 8) out.push(held & 255);
  };
  put(256);
  let run = "";
  const codeOf = (text: string): number => text.length === 1 ? text.charCodeAt(0) : codes.get(text)!;
  for (const pixel of pixels) {
    const longer = run + String.fromCharCode(pixel);
    if (longer.length === 1 || codes.has(longer)) {
      run = longer;
      continue;
    }
    put(codeOf(run));
    if (next < 4096) {
      codes.set(longer, next);
      if (next++ === 1 << size) size++;
    } else if (clears) {
      put(256);
      [size, next, codes] = [9, 258, new Map()];
    }
    run = String.fromCharCode(pixel);
  }
  put(codeOf(run));
  if (next < 4096 && next === 1 << size) size++;
  put(257);
  return [...out, held & 255];
}

Deno.test("what is no image is refused by its content, whatever its name", async () => {
  const text = new TextEncoder().encode("not a picture, whatever its name says");
  await rejects(decodeImage(text, "a.png"), {
    name: "InputError",
    message: "Expected a.png to be a PNG, JPEG, BMP, TIFF, WebP or GIF image, but found something else",
  });
  await rejects(decodeMask(new Uint8Array(), "a.png"), /a\.png .*found an empty file/);
  await rejects(
    decodeImage(new TextEncoder().encode("\0\0\0\x1cftypheic"), "a.jpg"),
    /found a HEIC image/,
  );
  equal(formatOf(text), null);
  deepEqual((await decodeImage(file("jpeg.rgb"), "a.png")).data, tensors.get("rgb.jpeg.rgb")!.bytes.slice());
});

Deno.test("bytes without a name are called what they should be", async () => {
  const bytes = new TextEncoder().encode("no image"), name = "InputError";
  await rejects(decodeImage(bytes), { name, message: /^Expected the image to be a PNG/ });
  await rejects(decodeMask(bytes), { name, message: /^Expected the mask to be a PNG/ });
});

Deno.test("images under 8 pixels a side are refused", async () => {
  for (const [width, height] of [[1, 1], [7, 8], [8, 7]]) {
    const small = encodePng({ width, height, data: new Uint8Array(3 * width * height) });
    await rejects(decodeImage(small, "a.png"), new RegExp(`a.png .*8 pixels.*${width}×${height}`));
  }
  equal((await decodeImage(encodePng({ width: 8, height: 8, data: new Uint8Array(192) }), "")).width, 8);
});

Deno.test("a declared size is refused before anything is allocated for it", async () => {
  const declare = (kind: string, at: number[], value: number[]): Uint8Array => {
    const bytes = file(kind);
    for (const start of at) bytes.set(value, start);
    return bytes;
  };
  const huge = [
    declare("png.rgb", [16, 20], [0x7f, 0xff, 0xff, 0xff]),
    declare("bmp.rgb", [18, 22], [0xff, 0xff, 0xff, 0x7f]),
    declare("jpeg.rgb", [file("jpeg.rgb").findIndex((v, i, b) => v === 0xff && b[i + 1] === 0xc0) + 5], [
      0xff,
      0xff,
      0xff,
      0xff,
    ]),
    declare("tiff.rgb16", [
      file("tiff.rgb16").findLastIndex((v, i, b) => v === 1 && b[i + 1] === 0 && b[i + 3] === 4) + 8,
    ], [
      0x7f,
    ]),
  ];
  for (const bytes of huge) {
    await rejects(decodeImage(bytes, "a"), new RegExp(`a .*at most ${MAX_PIXELS} pixels`));
    await rejects(imageSize(bytes, "a"), InputError);
  }
  // Within the limit, but more than the compressed bytes can hold.
  const bytes = declare("png.rgb", [16, 20], [0, 0, 0x10, 0]);
  await rejects(decodeImage(bytes, "a.png"), /a\.png.*4096×4096 pixels.*only \d+ bytes/);
});
