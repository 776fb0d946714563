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

for (const name of ["zip", "zip4", "zip5", "legacy", "legacy3", "legacy4", "legacy5"]) {
  Deno.test(`torch.save's format is read: ${name}`, () => {
    const format = name.startsWith("zip") ? "PyTorch" : "PyTorch (legacy)";
    assert(isCheckpoint(golden(name)));
    const checkpoint = parseCheckpoint(golden(name), NAME);
    assert.deepEqual([checkpoint.format, checkpoint.key], [format, "."]);
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
  const { tensors, key } = parseCheckpoint(golden("nested"), NAME);
  assert.deepEqual([...tensors.keys()], ["module.weight", "module.steps"]);
  assert.equal(key, "state_dict");
  assert.deepEqual(parseCheckpoint(golden("nested"), NAME, "state_dict").tensors, tensors);
});

Deno.test("values of later protocols stand beside a state dict", () => {
  const { tensors, key } = parseCheckpoint(golden("sets"), NAME);
  assert.deepEqual([[...tensors.keys()], key], [["weight"], "net"]);
});

Deno.test("of several state dicts that can be meant one is to be chosen", () => {
  const file = golden("several");
  assert.throws(() => parseCheckpoint(file, NAME), {
    name: "SettingError",
    message: `Expected one state dict in ${NAME}, but found ema.state_dict (3 tensors), net (2 tensors).\n` +
      "weights_key KEY chooses one; `weights convert` with it makes a file of it.",
  });
  const values = (
    key: string,
    name: string,
  ) => [...float32Of(parseCheckpoint(file, NAME, key).tensors.get(name)!)];
  assert.deepEqual(values("net", "_orig_mod.weight"), [1, 2]);
  assert.deepEqual(values("ema.state_dict", "module.weight"), [3, 4]);
  for (const key of ["ema", "optimizer", ".", "", "net.weight"]) {
    assert.throws(() => parseCheckpoint(file, NAME, key), {
      name: "SettingError",
      message: "Expected weights_key to be one of ema.state_dict (3 tensors), net (2 tensors) " +
        `in ${NAME}, but found ${key || '""'}`,
    });
  }
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

Deno.test("an archive that says it has more entries than are read is refused before any is", () => {
  const file = archive(dict(tensor()), two, { wide: true }),
    view = new DataView(file.buffer, file.byteOffset);
  const end = file.findLastIndex((_, at) => at + 4 <= file.length && view.getUint32(at, true) === 0x06064b50);
  view.setBigUint64(end + 32, 2n ** 20n + 1n, true);
  assert.throws(() => parseCheckpoint(file, NAME), {
    name: "InputError",
    message: /but found 1048577 entries, where 1048576 are the most that is read$/,
  });
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
  ["INST", archive("(ios\nsystem\n"), /a pickle that makes an object of a class/],
  ["NEWOBJ", archive("ccollections\nOrderedDict\n)\x81"), /a pickle that makes an object of a class/],
  ["NEWOBJ_EX", archive("ccollections\nOrderedDict\n)}\x92"), /a pickle that makes an object of a class/],
  [
    "STACK_GLOBAL",
    archive(`${str("os")}${str("system")}\x93)R`),
    /found "os.system"\.\nNothing in a checkpoint/,
  ],
  ["STACK_GLOBAL and short strings", archive("\x8c\x08builtins\x8c\x04eval\x93"), /found "builtins.eval"/],
  ["STACK_GLOBAL of no strings", archive("K\x01K\x02\x93"), /a damaged pickle/],
  ["a class of the registry", archive("\x82\x01"), /names a class by its number in Python's registry/],
  ["a buffer outside of the pickle", archive("\x97"), /a pickle whose buffers lie outside of it/],
  ["a read-only buffer", archive("\x97\x98"), /a pickle whose buffers lie outside of it/],
  ["a number of 300 bytes", archive("\x8b\x2c\x01\0\0"), /a number of more than 255 bytes/],
  ["text", archive("I1\n"), /a pickle of protocol 0 or 1/],
  ["no operation", archive("\xff"), /a pickle that is damaged/],
  ["a frame beyond the end", archive("\x95\xff\0\0\0\0\0\0\0"), /a pickle that is cut off/],
  ["a frame of 2^63 bytes", archive("\x95\0\0\0\0\0\0\0\x80"), /a pickle that is cut off/],
  ["a text of 2^56 bytes", archive("\x8d\0\0\0\0\0\0\0\x01a"), /a pickle that is cut off/],
  ["bytes without end", archive("\x96\xff\xff\xff\xff\xff\xff\xff\xffa"), /a pickle that is cut off/],
  [
    "another protocol",
    zip({ "a/data.pkl": latin1("\x80\x06N.") }),
    /a pickle of protocol 6, where 2 to 5 are read/,
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

/** A dict of dicts, each with so many tensors, under `.` in the outer one itself. */
const several = (dicts: Record<string, number>) => {
  const one = `${tensor()}q\0`, of = (name: string, i: number) => `${str(`${name}${i}`)}h\0s`;
  const many = (name: string, count: number) => Array.from({ length: count }, (_, i) => of(name, i)).join("");
  const items = Object.entries(dicts).map(([key, count]) =>
    key === "." ? many("own", count) : `${str(key)}}${many(key, count)}s`
  );
  return archive(`${one}0}${items.join("")}`, two);
};

Deno.test("the state dict that has by far the most tensors is meant", () => {
  const cases: [dicts: Record<string, number>, key: string | null][] = [
    [{ teacher: 1 }, "teacher"],
    [{ epoch: 0, "a b": 2 }, "a b"],
    [{ net: 5, criterion: 2 }, "net"],
    [{ criterion: 2, params: 5, scaler: 1 }, "params"],
    [{ ".": 1, net: 3 }, "net"],
    [{ ".": 3, buffers: 1 }, "."],
    [{ net: 4, criterion: 2 }, null],
    [{ state_dict: 3, state_dict_ema: 3 }, null],
    [{ ".": 2, net: 2 }, null],
  ];
  for (const [dicts, key] of cases) {
    const read = () => parseCheckpoint(several(dicts), NAME).key;
    if (key !== null) assert.equal(read(), key);
    else {assert.throws(read, {
        name: "SettingError",
        message: /^Expected one state dict in weights\.pth, but/,
      });}
  }
  assert.equal(parseCheckpoint(several({ ".": 2, net: 2 }), NAME, ".").tensors.has("own0"), true);
});

Deno.test("an error names a few of many state dicts, however they are called", () => {
  const dicts = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}\n`.padEnd(200, "x"), 1]));
  assert.throws(() => parseCheckpoint(several(dicts), NAME), ({ message }: Error) => {
    assert.match(message, /but found "0\\nx+…" \(1 tensor\), .* and 12 more\.\n/);
    assert.equal(message.split("\n").length, 2);
    return message.length < 1000;
  });
});

Deno.test("state dicts are looked for in a few dicts within each other, and under names", () => {
  const within = (keys: string[]) => keys.reduceRight((inner, key) => `}${key}${inner}s`, dict(tensor()));
  const read = (keys: string[]) => parseCheckpoint(archive(within(keys), two), NAME).key;
  assert.equal(read([str("a"), str("b"), str("c")]), "a.b.c");
  const none = { name: "InputError", message: /no tensors by name/ };
  assert.throws(() => read([str("a"), str("b"), str("c"), str("d")]), none);
  assert.throws(() => read([str("a"), "K\x01"]), none);
});

Deno.test("a shape that goes on growing after its tensor was made changes nothing", () => {
  const list = "](K\x02eq\0", made = tensor("h\0").replace(/^/, `${list}0`);
  const grown = `${dict(made)}h\0K\x09a0`;
  assert.deepEqual(parseCheckpoint(archive(grown, two), NAME).tensors.get("x")?.shape, [2]);
});

Deno.test("a dict within itself ends the reading all the same", () => {
  const cyclic = `}q\0(${str("model")}h\0${str("x")}${tensor()}u`;
  assert.deepEqual([...parseCheckpoint(archive(cyclic, two), NAME).tensors.keys()], ["x"]);
});

for (const name of ["zip", "legacy", "nested", "zip5", "legacy4", "sets", "several"]) {
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
