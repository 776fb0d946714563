/**
 * Downloads a file whose hash is known: it appears whole and right, or not at all.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { InputError } from "../errors.ts";
import { readWhole, removeAbandoned, writeWhole } from "./files.ts";

const MAX_BYTES = 200_000_000; // more than any file that is known here, less than any disk

/** Where a download stands, in bytes; `total` is undefined where the server does not say. */
export type OnDownload = (done: number, total: number | undefined) => void;

/** How to download. */
export interface DownloadOptions {
  /** Called after every piece that came. */
  onProgress?: OnDownload;
  /** Ends the download; what was rejected with is the signal's reason. */
  signal?: AbortSignal;
}

/** What came of a download. */
export interface Downloaded {
  /** Where the file is. */
  path: string;
  /** Of the whole file, 64 hexadecimal digits. */
  sha256: string;
  /** False where the file had been there already. */
  fetched: boolean;
}

/**
 * Downloads `url` to `path` unless it is there already. No other file at `path` is ever overwritten.
 *
 * @param sha256 the hash or its beginning, 8 to 64 hexadecimal digits in lower case
 * @throws {RangeError} where it is no such hash, which would accept anything
 * @throws {InputError} where `url` is none, another file is at `path`, it can't be written, there is no answer or not all of it, or
 * what comes has another hash
 */
export async function download(
  url: string,
  path: string,
  sha256: string,
  { onProgress, signal }: DownloadOptions = {},
): Promise<Downloaded> {
  if (!/^[0-9a-f]{8,64}$/.test(sha256)) {
    throw new RangeError(`Expected 8 to 64 hexadecimal digits of a SHA-256, but found "${sha256}"`);
  }
  if (!URL.canParse(url)) throw new InputError(`Expected a URL to download from, but found ${url}`);
  if (await exists(path)) {
    const found = createHash("sha256").update(await readWhole(path)).digest("hex");
    if (found.startsWith(sha256)) return { path, sha256: found, fetched: false };
    throw new InputError(
      `Expected no other file at ${path}, but found one with SHA-256 ${found}, not ${sha256}`,
    );
  }
  const fail = (why: string): never => {
    signal?.throwIfAborted();
    throw new InputError(`Can't download ${url}: ${why}`);
  };
  await removeAbandoned(path);
  const response = await fetch(url, { signal }).catch((error) => fail(reason(error)));
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    const { status, statusText } = response; // HTTP/2 has no texts
    return fail(`the server answered ${status} ${statusText || (STATUS_CODES[status] ?? "")}`.trimEnd());
  }
  const total = Number(response.headers.get("content-length")) || undefined;
  const reader = response.body.getReader(), hash = createHash("sha256");
  let found = "";
  try {
    await writeWhole(path, async (write) => {
      for (let done = 0;;) {
        const { value } = await reader.read().catch(() =>
          fail(`the connection broke after ${done} of ${total ?? "unknown"} bytes`)
        );
        if (!value) break;
        done += value.length;
        if (done > MAX_BYTES) fail(`it is larger than ${MAX_BYTES} bytes`);
        hash.update(value);
        await write(value);
        onProgress?.(done, total);
      }
      found = hash.digest("hex");
      if (!found.startsWith(sha256)) {
        throw new InputError(
          `Expected SHA-256 ${sha256} of ${url}, but found ${found}; nothing was written`,
        );
      }
    });
  } finally {
    await reader.cancel().catch(() => {}); // what has ended or failed can't be cancelled, and need not be
  }
  return { path, sha256: found, fetched: true };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new InputError(`Can't read ${path}: ${reason(error)}`);
  }
}

/** The innermost of the reasons that are strung together, without the error's number. */
function reason(error: unknown): string {
  while (error instanceof Error && error.cause) error = error.cause;
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0].replace(/ \(os error.*/, "").split(": ").at(-1)!;
}
