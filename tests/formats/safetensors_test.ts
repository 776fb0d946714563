import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { InputError } from "../../src/errors.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { expectTensor, float32Of, stored, type StoredTensor } from "../../src/formats/tensor_file.ts";

const NAME = "weights.safetensors";

const tensors = new Map<string, StoredTensor>([
  ["b", stored(Float32Array.of(1, -2.5, 3, 4, 5, 6), [2, 3])],
  ["7", stored(BigInt64Array.of(-1n, 2n ** 40n))],
  ["u8", stored(Uint8Array.of(255, 0, 1))],
  ["scalar", stored(Float64Array.of(0.1), [])],
  ["empty", stored(new Float32Array(0), [0, 4])],
  ["i32", stored(Int32Array.of(-5))],
  ["u32", stored(Uint32Array.of(4294967295))],
  ["u64", stored(BigUint64Array.of(2n ** 63n))],
]);

/** A file with this header and so many bytes of data. */
function withHeader(header: string, data = 0): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + data);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

Deno.test("what is written is read again, in order, with the data at multiples of 8", () => {
  const bytes = serializeSafetensors(tensors, { 'a "key"': "ü", other: "{:" });
  const file = parseSafetensors(bytes, NAME);
  assert.deepEqual(file.metadata, { 'a "key"': "ü", other: "{:" });
  assert.deepEqual([...file.tensors], [...tensors]);
  assert.equal(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
  assert.deepEqual(serializeSafetensors(file.tensors, file.metadata), bytes);
  assert.deepEqual(parseSafetensors(withHeader("{}"), NAME).tensors.size, 0);
});

Deno.test("the bytes are those of the reference implementation", async () => {
  // safetensors 0.8.0: save({"x": np.array([1, 2], np.float32)}, {"k": "v"})
  const header = '{"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const bytes = serializeSafetensors(new Map([["x", stored(Float32Array.of(1, 2))]]), { k: "v" });
  const wanted = withHeader(header.padEnd(80), 8);
  wanted.set([0, 0, 128, 63, 0, 0, 0, 64], 88);
  assert.deepEqual(bytes, wanted);
  const golden = await readSafetensors(
    new URL("../golden/adtr_scores.safetensors", import.meta.url).pathname,
  );
  assert.deepEqual(golden.tensors.get("training")?.shape, [10, 13, 3, 5]);
});

Deno.test("every dtype becomes float32", () => {
  const of = (
    dtype: StoredTensor["dtype"],
    ...bytes: number[]
  ) => [...float32Of({ dtype, shape: [], bytes: new Uint8Array([9, ...bytes]).subarray(1) })];
  assert.deepEqual(of("F16", 0x00, 0x3e, 0x00, 0xfc, 0x01, 0x00), [1.5, -Infinity, 2 ** -24]);
  assert.deepEqual(of("BF16", 0xc0, 0x3f, 0x80, 0xff), [1.5, -Infinity]);
  assert.deepEqual(of("I16", 0xff, 0xff), [-1]);
  assert.deepEqual(of("U16", 0xff, 0xff), [65535]);
  assert.deepEqual(of("I8", 0xff), [-1]);
  assert.deepEqual(of("BOOL", 1, 0), [1, 0]);
  const values = [...tensors.values()].map((tensor) => [...float32Of(tensor)]);
  assert.deepEqual(values, [
    [1, -2.5, 3, 4, 5, 6],
    [-1, 2 ** 40],
    [255, 0, 1],
    [Math.fround(0.1)],
    [],
    [-5],
    [2 ** 32],
    [2 ** 63],
  ]);
});

const x = (dtype: unknown, shape: unknown, offsets: unknown) =>
  `"x":${JSON.stringify({ dtype, shape, data_offsets: offsets })}`;
const long = "n".repeat(10_000);
const damaged: [what: string, file: Uint8Array<ArrayBuffer>, message: RegExp][] = [
  ["an empty file", new Uint8Array(0), /expected 8 bytes of header length, but found a file of 0 bytes/],
  ["no header", withHeader("{}").subarray(0, 8), /a header of at most 0 bytes, but found one of 2/],
  ["a text", new TextEncoder().encode("hello, this is text"), /a header of at most 11 bytes/],
  ["no JSON", withHeader("{]"), /a header in JSON/],
  ["a byte order mark", withHeader("\ufeff{}"), /a header in JSON/],
  ["no UTF-8", withHeader("{}").fill(0xff, 9), /a header in JSON/],
  ["a list", withHeader("[]"), /a header in braces, but found \[\]/],
  ["null", withHeader("null"), /a header in braces, but found null/],
  ["a number as an entry", withHeader('{"x":3}'), /\{dtype, shape, data_offsets\} for x, but found 3/],
  ["nothing in an entry", withHeader('{"x":{}}'), /x's dtype to be one of .*, but found nothing/],
  ["metadata in a list", withHeader('{"__metadata__":[]}'), /metadata in braces, but found \[\]/],
  [
    "a number as metadata",
    withHeader('{"__metadata__":{"a":1}}'),
    /only strings in the metadata, but found 1/,
  ],
  [
    "an unknown dtype",
    withHeader(`{${x("F4", [2], [0, 8])}}`, 8),
    /x's dtype to be one of .*, but found "F4"/,
  ],
  ["a property as a dtype", withHeader(`{${x("toString", [2], [0, 8])}}`, 8), /x's dtype to be one of/],
  [
    "a negative dimension",
    withHeader(`{${x("F32", [-1, -2], [0, 8])}}`, 8),
    /whole numbers, but found \[-1,-2\]/,
  ],
  [
    "a fractional dimension",
    withHeader(`{${x("F32", [1.5], [0, 6])}}`, 6),
    /whole numbers, but found \[1.5\]/,
  ],
  ["a huge dimension", withHeader(`{${x("F32", [2 ** 53], [0, 8])}}`, 8), /x's shape to be a list of whole/],
  ["a name without end", withHeader(`{"${long}":3}`), /for n{100,200}… \(\d+ characters\), but found 3$/],
  [
    "dimensions without end",
    withHeader(`{${x("F32", Array(10_000).fill(1), [0, 8])}}`, 8),
    /4 bytes for x, F32 \[1,1,.*… \(\d+ characters\), but found 8$/,
  ],
  ["a huge product", withHeader(`{${x("F32", [2 ** 40, 2 ** 40], [0, 8])}}`, 8), /bytes for x, .* found 8/],
  ["a shape too small", withHeader(`{${x("F32", [1], [0, 8])}}`, 8), /4 bytes for x, F32 \[1\], but found 8/],
  [
    "an end before the begin",
    withHeader(`{${x("U8", [0], [4, 0])}}`, 4),
    /x's data_offsets .* found \[4,0\]/,
  ],
  [
    "data cut off",
    withHeader(`{${x("F32", [2], [0, 8])}}`, 7),
    /within the 7 bytes of data, but found \[0,8\]/,
  ],
  ["data left over", withHeader(`{${x("F32", [2], [0, 8])}}`, 9), /8 bytes of data, but found 9/],
  ["a gap", withHeader(`{${x("F32", [1], [4, 8])}}`, 8), /x's data to begin at 0, .* but found 4/],
  [
    "an overlap",
    withHeader(`{${x("U8", [4], [0, 4])},"y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, 5),
    /y's data to begin at 4, where the last ends, but found 3/,
  ],
  [
    "a name twice",
    withHeader(`{${x("U8", [1], [0, 1])},${x("U8", [1], [0, 1])}}`, 1),
    /every key once.*"x" twice/,
  ],
  ["a key twice under an escape", withHeader('{"__metadata__":{"a\\"":"","a\\u0022":""}}'), /"a\\"" twice/],
];

for (const [what, file, message] of damaged) {
  Deno.test(`a file with ${what} is refused`, () => {
    assert.throws(() => parseSafetensors(file, NAME), (error) => {
      assert(error instanceof InputError);
      assert(
        error.message.startsWith(`${NAME} is not a valid safetensors file: `) && !/\n/.test(error.message),
      );
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("a damaged file is refused or read, and nothing else", () => {
  const whole = serializeSafetensors(tensors, { key: "value" });
  const damage = fc.record({
    length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
    flips: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(damage, ({ length, flips }) => {
      const file = whole.slice();
      for (const [at, bits] of flips) file[at] ^= bits;
      try {
        parseSafetensors(file.subarray(0, length), NAME);
      } catch (error) {
        assert(error instanceof InputError, String(error));
      }
    }),
    { numRuns: 2000, seed: 1 },
  );
});

Deno.test("a tensor is checked against what is expected of it", () => {
  const file = parseSafetensors(
    serializeSafetensors(new Map([...tensors, ["nan", stored(Float32Array.of(0, NaN))]])),
    NAME,
  );
  assert.deepEqual(expectTensor(file, "b", [2, 3]), Float32Array.of(1, -2.5, 3, 4, 5, 6));
  const wrong: [name: string, shape: number[], message: RegExp][] = [
    ["c", [1], /a tensor c in weights.safetensors, but found none/],
    ["b", [3, 2], /b in weights.safetensors to have shape \[3,2\], but found \[2,3\]/],
    ["b", [2], /shape \[2\], but found \[2,3\]/],
    ["u8", [3], /u8 in weights.safetensors to hold floating-point numbers, but found dtype U8/],
    ["nan", [2], /finite numbers in nan of weights.safetensors, but found NaN at position 1/],
  ];
  for (const [name, shape, message] of wrong) {
    assert.throws(() => expectTensor(file, name, shape), { name: "InputError", message });
  }
});

Deno.test("values under a shape of another size are refused", () => {
  assert.throws(() => stored(new Float32Array(3), [2]), RangeError);
});
