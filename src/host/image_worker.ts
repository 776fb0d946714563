/**
 * A thread that does what image_job.ts knows, one job after the other. It is given bytes, and reads no file.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { draw, type DrawJob, look, type Looked, type LookJob } from "./image_job.ts";

/** What is asked of it. */
export type Job = { readonly look: LookJob } | { readonly draw: DrawJob };

/** What it answers, in the order of what was asked. */
export type Answer =
  | { readonly looked: Looked }
  | { readonly file: Uint8Array<ArrayBuffer> }
  /** `isInput`: of the image, else of the program. */
  | { readonly error: string; readonly isInput: boolean };

async function answerTo(job: Job): Promise<Answer> {
  try {
    return "look" in job ? { looked: await look(job.look) } : { file: draw(job.draw) };
  } catch (error) {
    if (error instanceof InputError) return { error: error.message, isInput: true };
    return { error: error instanceof Error ? error.stack ?? error.message : String(error), isInput: false };
  }
}

/** What an answer has that goes over without a copy. */
function buffersOf(answer: Answer): ArrayBuffer[] {
  if ("error" in answer) return [];
  if ("file" in answer) return [answer.file.buffer];
  const { pixels, preview } = answer.looked;
  // Of an image that has the size already both may be the same.
  const all = [pixels, preview?.image.data].flatMap((bytes) => bytes ? [bytes.buffer as ArrayBuffer] : []);
  return [...new Set(all)];
}

/** What is global in a thread; its library's types can't be published. */
interface Thread {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage(answer: Answer, transfer: Transferable[]): void;
}

const thread = globalThis as unknown as Thread;
let last = Promise.resolve();
thread.onmessage = ({ data }) => {
  last = last.then(async () => {
    const answer = await answerTo(data);
    thread.postMessage(answer, buffersOf(answer));
  });
};
