/**
 * Where the rows of a memory bank lie. Rows come in units (an image's, or 4) that can be searched by themselves; a unit begins
 * on a slot divisible by 4, as matrix products want it, and pieces of what can be bound at once hold whole units.
 *
 * @module
 */
import { SettingError } from "../errors.ts";
import { mib } from "../gpu/error.ts";

/** The rows' places. */
export class Slots {
  /** How many rows there are. */
  readonly rows: number;
  /** Values of a row. */
  readonly C: number;
  /** Rows of a unit. */
  readonly unit: number;
  /** Slots of a unit. */
  readonly room: number;
  /** Floats of a row: C, and zeros up to a multiple of 4. */
  readonly wide: number;
  /** Slots of all pieces but the last, which may have fewer. */
  readonly most: number;
  /** Slots in all. */
  readonly count: number;

  /**
   * @param limit bytes that can be bound at once
   * @throws {SettingError} where not even a unit can
   */
  constructor(limit: number, rows: number, C: number, unit: number) {
    const room = four(unit), wide = four(C), bytes = 4 * wide * room;
    if (bytes > limit) {
      throw new SettingError(
        `Expected an image's features to take at most ${mib(limit)}, which this adapter binds at once, ` +
          `but found ${mib(bytes)}.\nLower {feature_size}.`,
        "memory",
      );
    }
    this.rows = rows;
    this.C = C;
    this.unit = unit;
    this.room = room;
    this.wide = wide;
    this.most = Math.floor(limit / bytes) * room;
    this.count = Math.ceil(rows / unit) * room;
  }

  /** A row's slot. */
  of(row: number): number {
    return Math.floor(row / this.unit) * this.room + row % this.unit;
  }

  /** The row in a slot. */
  rowIn(slot: number): number {
    return Math.floor(slot / this.room) * this.unit + slot % this.room;
  }

  /** How many of the next rows, this one included, lie one after the other in a piece. */
  run(row: number): number {
    const { unit, room, most } = this, left = most - this.of(row) % most;
    return room === unit ? left : Math.min(left, unit - row % unit);
  }
}

/** Bytes on the GPU that a bank takes: rows, and a float for each slot. */
export function bankBytes(rows: number, C: number, unit = 4): number {
  return 4 * Math.ceil(rows / unit) * four(unit) * (four(C) + 1);
}

function four(n: number): number {
  return Math.ceil(n / 4) * 4;
}
