import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { InputError } from "../../src/errors.ts";
import { isCheckpoint, parseCheckpoint } from "../../src/formats/pth.ts";
import { float32Of } from "../../src/formats/tensor_file.ts";
import { concat, latin1, zip } from "../reference/checkpoint.ts";

const NAME = "weights.pth";
const golden = (name: string) =>
  Deno.readFileSync(new URL(`../golden/pth_${name}.pth`, import.meta.url)) as Uint8Array<ArrayBuffer>;

const grid = Array.from({ length: 12 }, (_, i) => i / 8 - 1);
const state: [name: string, dtype: string, shape: number[], values: number[]][] = [
  ["float", "F32", [3, 4], grid],
  ["double", "F64", [3, 4], grid],
  ["half", "F16", [3, 4], grid],
  ["bfloat16", "BF16", [3, 4], grid],
  ["long", "I64", [2], [-1, 2 ** 40]],
  ["int", "I32", [1], [-5]],
  ["short", "I16", [1], [-6]],
  ["char", "I8", [1], [-7]],
  ["byte", "U8", [1], [255]],
  ["bool", "BOOL", [2], [1, 0]],
  ["transposed", "F32", [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map((i) => grid[i])],
  ["window", "F32", [2, 2], [5, 7, 9, 11].map((i) => grid[i])],
  ["expanded", "F32", [2, 2], [3, 3, 3, 3]],
  ["scalar", "I64", [], [7]],
  ["empty", "F32", [0, 4], []],
  ["parameter", "F32", [4], grid.slice(0, 4)],
];

for (const [name, format] of [["zip", "PyTorch"], ["legacy", "PyTorch (legacy)"]]) {
  Deno.test(`torch.save's ${name} format is read`, () => {
    const checkpoint = parseCheckpoint(golden(name), NAME);
    assert.equal(checkpoint.format, format);
    const found = [...checkpoint.tensors].map(([name, tensor]) => [
      name,
      tensor.dtype,
      tensor.shape,
      [...float32Of(tensor)],
    ]);
    assert.deepEqual(found, state);
  });
}

Deno.test("the state dict of a training script's checkpoint is found", () => {
  const { tensors } = parseCheckpoint(golden("nested"), NAME);
  assert.deepEqual([...tensors.keys()], ["module.weight", "module.steps"]);
});

/** The archive of a pickle, given without protocol and STOP, and of its storages. */
const archive = (pickle: string, storages: Record<string, Uint8Array> = {}, options = {}) =>
  zip({ "a/data.pkl": latin1(`\x80\x02${pickle}.`), ...storages }, options);
/** Pieces of a pickle: a str, a reference to storage "0" of two floats, a tensor of it, a dict of one entry. */
const str = (text: string) => `X${String.fromCharCode(text.length)}\0\0\0${text}`;
const storage = (type = "torch\nFloatStorage", count = "K\x02") =>
  `(${str("storage")}c${type}\n${str("0")}${str("cpu")}${count}tQ`;
const tensor = (shape = "K\x02\x85", strides = "K\x01\x85", offset = "K\0", data = storage()) =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${data}${offset}${shape}${strides}\x89}tR`;
const dict = (value: string) => `}${str("x")}${value}s`;
const two = { "a/data/0": new Uint8Array(Float32Array.of(1, 2).buffer) };

Deno.test("an archive with 64-bit sizes, a comment or Python 2's strings is read", () => {
  for (const options of [{}, { wide: true }, { comment: "made by hand" }]) {
    const { tensors } = parseCheckpoint(archive(dict(tensor()), two, options), NAME);
    assert.deepEqual(tensors, new Map([["x", { dtype: "F32", shape: [2], bytes: two["a/data/0"] }]]));
  }
  const pairs = `ccollections\nOrderedDict\n](U\x01x${tensor()}ea\x85R`; // OrderedDict([["x", tensor]])
  const nested = pairs.replace("](U", "](]q\0(U").replace("ea\x85R", "ee\x85R");
  assert.deepEqual([...parseCheckpoint(archive(nested, two), NAME).tensors.keys()], ["x"]);
});

const legacy = (value: string, rest: string) =>
  latin1(
    `\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}${str("little_endian")}\x88s.` +
      `\x80\x02${value}.\x80\x02${rest}`,
  );
const legacyTail = `](${str("0")}e.\x02\0\0\0\0\0\0\0${"\0".repeat(8)}`;

Deno.test("both formats are told from other files by their first bytes", () => {
  assert(isCheckpoint(archive("N")) && isCheckpoint(legacy("N", "].")));
  assert(!isCheckpoint(latin1("\x80\x04hello, pickle")) && !isCheckpoint(new Uint8Array(0)));
  assert.deepEqual(parseCheckpoint(legacy(dict(tensor()), legacyTail), NAME).tensors.get("x")?.shape, [2]);
});

const refused: [what: string, file: Uint8Array<ArrayBuffer>, message: RegExp][] = [
  [
    "a call of os.system",
    archive("cos\nsystem\nX\x02\0\0\0ls\x85R"),
    /found "os.system"\.\nNothing in a checkpoint/,
  ],
  ["a call of eval among tensors", archive(dict("c__builtin__\neval\n)R"), two), /"__builtin__.eval"/],
  ["a pickled model", archive("ctorch.nn.modules.linear\nLinear\n)\x81"), /"torch.nn.modules.linear.Linear"/],
  ["a property of objects as a global", archive("cconstructor\nname\n"), /"constructor.name"/],
  [
    "a global of ours under another module",
    archive("ctorch\n_utils._rebuild_tensor_v2\u0000\n"),
    /_v2\\u0000"/,
  ],
  ["a foreign global in the legacy format", legacy("cposix\nsystem\n", legacyTail), /"posix.system"/],
  ["INST", archive("(ios\nsystem\n"), /opcode 0x69/],
  ["NEWOBJ", archive("ccollections\nOrderedDict\n)\x81"), /opcode 0x81/],
  ["STACK_GLOBAL", archive(`${str("os")}${str("system")}\x93`), /opcode 0x93/],
  [
    "another protocol",
    zip({ "a/data.pkl": latin1("\x80\x04N.") }),
    /a pickle of protocol 4, where 2 is expected/,
  ],
  ["attributes set on a tensor", archive(dict(`${tensor()}}b`), two), /an object with attributes/],
  ["a call of a dict", archive("})R"), /a call of something that is no function/],
  [
    "a call of a storage's type",
    archive("ctorch\nFloatStorage\n)R"),
    /a call of something that is no function/,
  ],
  ["no dict", archive("]"), /something else than a dict/],
  ["a bare tensor", archive(tensor(), two), /something else than a dict/],
  ["no tensors", archive(dict("K\x01")), /no tensors by name/],
  ["a cut-off pickle", archive("X\xff\xff\xff\xff"), /a pickle that is cut off/],
  ["a cut-off global", archive("cos"), /a pickle that is cut off/],
  ["no UTF-8", archive("U\x01\xff"), /a string in a pickle that is not UTF-8/],
  ["an empty stack", archive("\x85"), /a damaged pickle/],
  ["no mark", archive("t"), /a damaged pickle/],
  ["an unknown memo", archive("h\x05"), /a damaged pickle/],
  ["an odd number of items", archive("}(K\x01u"), /a damaged pickle/],
  ["a dict as a key", archive("}}Ns"), /a dict whose keys are neither strings nor numbers/],
  ["a list as persistent id", archive("]Q"), /a reference to something that is no storage/],
  [
    "a negative count",
    archive(dict(tensor(undefined, undefined, undefined, storage(undefined, "J\xff\xff\xff\xff")))),
    /no storage/,
  ],
  ["no storage", archive(dict(tensor())), /no storage 0/],
  [
    "a storage of another size",
    archive(dict(tensor()), { "a/data/0": new Uint8Array(7) }),
    /7 bytes in storage 0, where 2 values of F32 take 8/,
  ],
  [
    "a storage described twice",
    archive(`}(${str("x")}${tensor()}${str("y")}${storage("torch\nHalfStorage")}u`, two),
    /storage 0 described in two ways/,
  ],
  [
    "an offset beyond the storage",
    archive(dict(tensor(undefined, undefined, "K\x01")), two),
    /x reaching beyond the 2 values/,
  ],
  [
    "strides beyond the storage",
    archive(dict(tensor(undefined, "K\x02\x85")), two),
    /x reaching beyond the 2 values/,
  ],
  ["a negative stride", archive(dict(tensor(undefined, "J\xff\xff\xff\xff\x85")), two), /a damaged tensor/],
  ["a fractional dimension", archive(dict(tensor("G?\xf8\0\0\0\0\0\0\x85")), two), /a damaged tensor/],
  ["dimensions without strides", archive(dict(tensor(undefined, ")")), two), /a damaged tensor/],
  [
    "65 dimensions",
    archive(dict(tensor(`(${"K\x01".repeat(65)}t`, `(${"K\x01".repeat(65)}t`)), two),
    /a damaged tensor/,
  ],
  [
    "a value repeated without end",
    archive(dict(tensor("J\0\0\0@\x85", "K\0\x85")), two),
    /repeat their storage beyond the file's own size, x among/,
  ],
  [
    "big-endian numbers",
    archive(dict(tensor()), { ...two, "a/byteorder": latin1("big") }),
    /not little-endian/,
  ],
  ["an archive without data.pkl", zip({ "a/other": latin1("N.") }), /a ZIP archive without data.pkl/],
  [
    "a cut-off archive",
    archive(dict(tensor()), two).subarray(0, -1),
    /no directory at the end \(is it truncated\?\)/,
  ],
  ["a compressed entry", archive("N", {}, { method: 8 }), /a\/data.pkl compressed/],
  ["an encrypted entry", archive("N", {}, { flags: 1 }), /a\/data.pkl encrypted/],
  [
    "an archive cut at its front",
    concat(latin1("PK\x03\x04"), archive("N").subarray(9)),
    /a damaged directory/,
  ],
  [
    "an entry's beginning overwritten",
    zip({ x: new Uint8Array(0), "a/data.pkl": latin1("\x80\x02N.") }).fill(0, 38, 39),
    /no entry where a\/data.pkl should be/,
  ],
  [
    "another legacy version",
    latin1("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02K\x01.\x80\x02}."),
    /version 1, where PyTorch's is 1001/,
  ],
  ["no legacy storages", legacy(dict(tensor()), "N."), /no list of storages/],
  ["a legacy storage that is not listed", legacy(dict(tensor()), "]."), /no storage 0/],
  ["a legacy storage that no tensor uses", legacy(dict("N"), legacyTail), /a storage that no tensor uses/],
  ["a cut-off legacy storage", legacy(dict(tensor()), legacyTail.slice(0, -1)), /the storages cut off at/],
  [
    "a legacy storage of another size",
    legacy(dict(tensor()), legacyTail.replace("\x02\0\0", "\x03\0\0")),
    /12 bytes in storage 0, where 2/,
  ],
];

for (const [what, file, message] of refused) {
  Deno.test(`a checkpoint with ${what} is refused`, () => {
    assert.throws(() => parseCheckpoint(file, NAME), (error) => {
      assert(error instanceof InputError, String(error));
      assert(
        error.message.startsWith(`Expected a PyTorch checkpoint of tensors and dicts in ${NAME}, but found `),
      );
      assert(error.message.split("\n").length <= 2);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("tensors may share a storage, but not without end", () => {
  const floats = 10_000, count = "M\x10\x27", data = { "a/data/0": new Uint8Array(4 * floats) };
  const shared = (times: number): Uint8Array<ArrayBuffer> => {
    const first = tensor(`${count}\x85`, "K\x01\x85", "K\0", storage("torch\nFloatStorage", count));
    const others = Array.from({ length: times - 1 }, (_, i) => `${str(`y${i}`)}h\0`).join("");
    return archive(`}(${str("x")}${first}q\0${others}u`, data);
  };
  assert.equal(parseCheckpoint(shared(10), NAME).tensors.size, 10);
  assert.throws(() => parseCheckpoint(shared(100), NAME), {
    name: "InputError",
    message: /tensors of more than 16 times the file's own size, y\d+ among them$/,
  });
});

Deno.test("a dict within itself ends the reading all the same", () => {
  const cyclic = `}q\0(${str("model")}h\0${str("x")}${tensor()}u`;
  assert.deepEqual([...parseCheckpoint(archive(cyclic, two), NAME).tensors.keys()], ["x"]);
});

for (const name of ["zip", "legacy", "nested"]) {
  Deno.test(`a damaged ${name} checkpoint is refused or read, and nothing else`, () => {
    const whole = golden(name);
    const damage = fc.record({
      length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
      flips: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(damage, ({ length, flips }) => {
        const file = whole.slice();
        for (const [at, bits] of flips) file[at] ^= bits;
        try {
          parseCheckpoint(file.subarray(0, length), NAME);
        } catch (error) {
          assert(error instanceof InputError, String((error as Error).stack));
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
}
