/**
 * Decodes images in a thread of its own, one after the other, so that it goes on while the GPU keeps the main one waiting.
 *
 * @module
 */
import { decodeImage, type Image } from "../data/image.ts";
import { imageSize } from "../data/decode.ts";
import { TooManyPixels } from "../data/samples.ts";
import { InputError } from "../errors.ts";

/** What is asked of it. */
export interface DecodeJob {
  bytes: Uint8Array<ArrayBuffer>;
  /** What errors call it. */
  name: string;
  maxPixels: number;
}

/** What it answers. */
export type Decoded =
  | { image: Image }
  /** `unread`: no image that can be read; `too-large`: more pixels than allowed; `fault`: of the program. */
  | { error: string; kind: "unread" | "too-large" | "fault" };

/** Decodes one. */
async function decode({ bytes, name, maxPixels }: DecodeJob): Promise<Decoded> {
  try {
    const { width, height } = await imageSize(bytes, name);
    if (width * height > maxPixels) throw new TooManyPixels(name, maxPixels, width, height);
    return { image: await decodeImage(bytes, name) };
  } catch (error) {
    if (error instanceof TooManyPixels) return { error: error.message, kind: "too-large" };
    if (error instanceof InputError) return { error: error.message, kind: "unread" };
    return { error: error instanceof Error ? error.stack ?? error.message : String(error), kind: "fault" };
  }
}

/** What is global in a thread; its library's types can't be published. */
interface Thread {
  onmessage: (event: MessageEvent<DecodeJob>) => void;
  postMessage(answer: Decoded, transfer: Transferable[]): void;
}

const thread = globalThis as unknown as Thread;
thread.onmessage = async ({ data }) => {
  const answer = await decode(data);
  thread.postMessage(answer, "image" in answer ? [answer.image.data.buffer as ArrayBuffer] : []);
};
