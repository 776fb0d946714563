/**
 * The limits on pickles: whatever one says, it is read or refused, soon and without a stack that overflows.
 *
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { readNumpyPickle } from "../../src/formats/numpy_pickle.ts";
import { parseCheckpoint } from "../../src/formats/pth.ts";
import { concat, latin1, zip } from "../reference/checkpoint.ts";

/** A pickle of these operations, with protocol and STOP. */
function pickle(...operations: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return concat(
    ...["\x80\x02", ...operations, "."].map((part) => typeof part === "string" ? latin1(part) : part),
  );
}

function read(bytes: Uint8Array<ArrayBuffer>): unknown {
  return readNumpyPickle(bytes, (found) => {
    throw new EvalError(found);
  });
}

function refused(bytes: Uint8Array<ArrayBuffer>, message: RegExp): void {
  throws(() => read(bytes), { name: "EvalError", message });
}

/** A text of 1 MiB, as the operation that makes it. */
const LONG = concat(latin1("X\0\0\x10\0"), new Uint8Array(2 ** 20).fill(0x61));

Deno.test("lists and tuples within each other: to any depth, but of so many operations, and marks", () => {
  const depth = 100_000, lists = read(pickle("]".repeat(depth), "a".repeat(depth - 1)));
  let inner = lists, count = 0;
  for (; Array.isArray(inner); inner = inner[0]) count++;
  equal(count, depth);
  equal((read(pickle("(".repeat(1000), "t".repeat(1000))) as unknown[]).length, 1);
  refused(pickle("(".repeat(1001), "t".repeat(1001)), /more than 1000 marks within each other/);
  refused(pickle("(".repeat(1e6)), /more than 1000 marks/);
});

Deno.test("a huge memo, and more values than any file needs, are refused", () => {
  const puts = new Uint8Array(5 * 2 ** 22); // LONG_BINPUT under another number each
  const view = new DataView(puts.buffer);
  for (let i = 0; i < puts.length / 5; i++) {
    puts[5 * i] = 0x72;
    view.setUint32(5 * i + 1, i, true);
  }
  refused(pickle("N", puts), /a pickle of more than 4194304 operations/);
  refused(pickle(new Uint8Array(2 ** 22).fill(0x4e)), /more than 4194304 operations/);
  deepEqual(read(pickle("Nr\xff\xff\xff\xff", "j\xff\xff\xff\xff")), null); // a number, not a place
});

Deno.test("what is named again and again is not made again and again", () => {
  const encode = "c_codecs\nencode\n", arguments_ = concat(LONG, latin1("X\x06\0\0\0latin1\x86"));
  equal((read(pickle(encode, arguments_, "R")) as Uint8Array).length, 2 ** 20);
  const calls = "h\0h\x01Ra".repeat(5);
  refused(
    pickle(encode, "q\0", arguments_, "q\x01", "]", calls),
    /makes more than 4 times its size/,
  );
  const key = concat(latin1("T\0\0\x10\0"), new Uint8Array(2 ** 20).fill(0x61), latin1("q\0"));
  refused(pickle(key, "}", "h\0Ns".repeat(5)), /makes more than 4 times its size/);
  const array = "cnumpy.core.multiarray\n_reconstruct\n)R", u1 = "cnumpy\ndtype\nU\x02u1\x85R";
  refused(
    pickle(array, "(K\x01K\x01\x85cnumpy\ndtype\n", LONG, "\x85RNU\x01xtb"),
    /an array that is not of uint8/,
  );
  const state = concat(
    latin1(`(K\x01M\0\x04M\0\x04\x86${u1}\x88T\0\0\x10\0`),
    LONG.subarray(5),
    latin1("tq\x01"),
  );
  read(pickle(array, state, "b"));
  refused(pickle(array, state, "b", "h\x01b".repeat(5)), /makes more than 4 times its size/); // to row-major again

  const pairs = concat(latin1("]("), latin1("X\x01\0\0\0aN\x86".repeat(1000)), latin1("eq\x01"));
  const dicts = concat(
    latin1("\x80\x02ccollections\nOrderedDict\nq\0"),
    pairs,
    latin1("h\0h\x01\x85R".repeat(50) + "."),
  );
  throws(() => parseCheckpoint(zip({ "a/data.pkl": dicts }), "w"), {
    name: "InputError",
    message: /makes more than 4 times its size/,
  });
});

Deno.test("texts, bytes and sets of later protocols", () => {
  const eight = (opcode: string) => `${opcode}\x02\0\0\0\0\0\0\0ab`;
  const framed = "\x80\x05\x95\x02\0\0\0\0\0\0\0K\x07.";
  equal(read(latin1(framed)), 7);
  equal(read(pickle("\x8c\x02ab")), "ab");
  equal(read(pickle(eight("\x8d"))), "ab");
  for (const bytes of ["C\x02ab", "B\x02\0\0\0ab", eight("\x8e"), eight("\x96")]) {
    deepEqual(read(pickle(bytes)), latin1("ab"));
  }
  deepEqual(read(pickle("\x8f\x94(K\x01K\x02\x90(K\x03\x91h\0\x87".replace("\x87", "\x86"))), [[3], [1, 2]]);
  deepEqual(read(pickle("]\x94K\x01\x94h\x01h\0\x87")), [1, 1, []]); // memoized under numbers from 0 on
  equal(read(pickle("K\x01K\x020")), 1);
  equal(read(pickle("K\x01(K\x02K\x031")), 1);
  equal(read(pickle("K\x01(0")), 1); // as Python, a mark where nothing else is left
  refused(pickle("0"), /a damaged pickle/);
  refused(pickle("1"), /a damaged pickle/);
  refused(pickle("\x94"), /a damaged pickle/);
});

Deno.test("NumPy's arrays of protocol 5 are of uint8 and of their shape, or refused", () => {
  const array = (bytes: string, order = "C", type = "u1") =>
    `\x8c\x12numpy.core.numeric\x8c\x0b_frombuffer\x93(\x96${
      String.fromCharCode(bytes.length)
    }\0\0\0\0\0\0\0${bytes}` +
    `\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02${type}\x89\x88\x87RK\x02K\x03\x86\x8c\x01${order}tR`;
  const { shape, data } = read(pickle(array("abcdef"))) as { shape: number[]; data: Uint8Array };
  deepEqual([shape, data], [[2, 3], latin1("abcdef")]);
  deepEqual((read(pickle(array("adbecf", "F"))) as { data: Uint8Array }).data, latin1("abcdef"));
  refused(pickle(array("abcde")), /an array whose bytes don't fit its shape/);
  refused(pickle(array("abcdef", "K")), /an array in an unknown order/);
  refused(pickle(array("abcdef", "C", "f4")), /an array that is not of uint8/);
});

/** Operations that fit together often enough to get far. */
const operation = fc.oneof(
  fc.constantFrom(..."N\x88\x89(])}t\x85\x86\x87aesuRQb.".split("")),
  fc.constantFrom(
    "K\x01",
    "M\x01\x02",
    "J\xff\xff\xff\xff",
    "\x8a\x02\x01\x02",
    "X\x01\0\0\0a",
    "U\x01a",
    "q\0",
    "q\x01",
    "h\0",
    "h\x01",
  ),
  fc.constantFrom(..."\x8f\x90\x91\x93\x94\x9701".split("")),
  fc.constantFrom(
    "\x8c\x01a",
    "\x8d\x01\0\0\0\0\0\0\0a",
    "C\x01a",
    "B\x01\0\0\0a",
    "\x8e\x01\0\0\0\0\0\0\0a",
    "\x96\x01\0\0\0\0\0\0\0a",
    "\x95\x01\0\0\0\0\0\0\0",
    "\x8c\x12numpy.core.numeric\x8c\x0b_frombuffer\x93",
    "\x8c\x0bcollections\x8c\x0bOrderedDict\x93",
    "\x8c\x05torch\x8c\x0cFloatStorage\x93",
  ),
  fc.constantFrom(
    "c_codecs\nencode\n",
    "cnumpy\ndtype\n",
    "cnumpy.core.multiarray\n_reconstruct\n",
    "ccollections\nOrderedDict\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
  ),
  fc.string({ unit: "binary-ascii", maxLength: 3 }),
);

Deno.test("any operations in any order are read or refused, and nothing else", () => {
  const names = new Set<string>();
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const bytes = pickle(...operations);
      for (const attempt of [() => read(bytes), () => parseCheckpoint(zip({ "a/data.pkl": bytes }), "w")]) {
        try {
          attempt();
        } catch (error) {
          names.add((error as Error).name);
        }
      }
    }),
    { numRuns: 3000 },
  );
  deepEqual([...names].sort(), ["EvalError", "InputError"]);
});
