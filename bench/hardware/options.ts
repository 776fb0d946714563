/**
 * The arguments of run.sh.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** What is measured, in this order, each in a process of its own: NAME.ts beside this file. */
export const PARTS = ["adapter", "tests", "bench", "peers", "paper", "tune"] as const;

/** Those that run unless others are named: a search for better tiles is a run of its own. */
export const DEFAULTS: readonly Part[] = PARTS.filter((part) => part !== "tune");

/** The name of a part. */
export type Part = typeof PARTS[number];

/** Seconds that each part has at most. */
export const LIMITS: Record<Part, number> = {
  adapter: 30,
  tests: 110,
  bench: 75,
  peers: 80,
  paper: 360,
  tune: 180,
};

/** Seconds for everything: less than 7 minutes with what comes before and after. */
export const ALL = 400;

/** What was asked for. */
export interface Options {
  /** Folder for hardware.json and hardware.log. */
  out: string;
  adapter: "auto" | "hardware" | "software";
  /** Interpreter with PyTorch. */
  python: string;
  /** Small sizes and few tests, to try the script itself out. */
  quick: boolean;
  parts: readonly Part[];
  /** Seconds for everything. */
  seconds: number;
}

/** What `--help` prints. */
export const USAGE = `Usage: bench/hardware/run.sh [options]

  --out FOLDER       where hardware.json and hardware.log go (default: hardware-results)
  --adapter WHICH    hardware, software, or auto: what is found, NVIDIA's first (default: auto)
  --python PYTHON    an interpreter with PyTorch (default: python3)
  --quick            small sizes and few tests, to try the script out
  --parts A,B        of ${PARTS.join(", ")} (default: all but tune)
  --seconds N        for everything (default: ${ALL})`;

const CHOICES = ["auto", "hardware", "software"];

/**
 * The arguments' meaning, or null where help is asked for.
 *
 * @throws {TypeError} in a sentence, where they have none
 */
export function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: "string", default: "hardware-results" },
      adapter: { type: "string", default: "auto" },
      python: { type: "string", default: "python3" },
      quick: { type: "boolean", default: false },
      parts: { type: "string", default: DEFAULTS.join(",") },
      seconds: { type: "string", default: `${ALL}` },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const named = values.parts.split(","), unknown = named.find((name) => !PARTS.includes(name as Part));
  if (unknown !== undefined) {
    throw new TypeError(`Expected --parts of ${PARTS.join(", ")}, but found ${unknown || "nothing"}`);
  }
  if (!CHOICES.includes(values.adapter)) {
    throw new TypeError(`Expected --adapter to be one of ${CHOICES.join(", ")}, but found ${values.adapter}`);
  }
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= 86400)) {
    throw new TypeError(`Expected --seconds to be 1 to 86400, but found ${values.seconds}`);
  }
  if (values.out === "" || values.python === "") {
    throw new TypeError("Expected --out and --python to be paths");
  }
  return {
    out: values.out,
    adapter: values.adapter as Options["adapter"],
    python: values.python,
    quick: values.quick,
    parts: PARTS.filter((part) => named.includes(part)),
    seconds,
  };
}
