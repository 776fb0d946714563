/**
 * How features of many images are kept while they are needed again and again: in memory, or on a shelf, one at a time in
 * memory. Either way they are values like any others, an array's elements for example; only they may be read anew each time
 * that they are asked for.
 *
 * @module
 */

/** Where bytes go that memory has no room for, to be read again and again. What is on it goes with it. */
export interface Shelf extends Disposable {
  /** Puts bytes behind those that are there. @returns where they begin @throws {InputError} where it takes no more */
  add(bytes: Uint8Array<ArrayBuffer>): number;
  /** Some of them, in memory of their own. */
  read(at: number, length: number): Uint8Array<ArrayBuffer>;
}

/** A way to keep values. */
export interface Keeper {
  /** Keeps them. @returns what gives them again */
  keep<T extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(values: T): () => T;
  /** A list of what is made of values that are kept. */
  list<T>(length: number, make: (i: number) => T): readonly T[];
}

/** Keeps values where they are, and lists of what is made of them. */
export const IN_MEMORY: Keeper = {
  keep: (values) => () => values,
  list: (length, make) => Array.from({ length }, (_, i) => make(i)),
};

/** Keeps values on a shelf; lists have elements that are made when they are asked for, each time. */
export function onShelf(shelf: Shelf): Keeper {
  return {
    keep<T extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(values: T) {
      const { buffer, byteOffset, byteLength } = values, areFloats = values instanceof Float32Array;
      const at = shelf.add(new Uint8Array(buffer, byteOffset, byteLength));
      // What is given here must not name `values`, which it would keep in memory.
      return () => {
        const bytes = shelf.read(at, byteLength);
        return (areFloats ? new Float32Array(bytes.buffer) : bytes) as T;
      };
    },
    list: <T>(length: number, make: (i: number) => T) => {
      const list: T[] = [];
      for (let i = 0; i < length; i++) {
        Object.defineProperty(list, i, { get: () => make(i), enumerable: true });
      }
      return list;
    },
  };
}
