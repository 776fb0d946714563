/**
 * Bodies of requests, bounded in bytes and in the time they take to arrive.
 *
 * @module
 */
import { Refusal } from "./refusal.ts";

/** What a body may be at most. */
export interface BodyLimits {
  maxBytes: number;
  /** Seconds until all of it has to be there. */
  seconds: number;
}

/** An image file as it was sent. */
export interface SentImage {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What an image is called that comes without a name. */
const UNNAMED = "image";

/** Whether a request has several parts. */
export function isMultipart(request: Request): boolean {
  return /^\s*multipart\//i.test(request.headers.get("content-type") ?? "");
}

/**
 * The images of a request: its body, or all parts `image` of a multipart/form-data body.
 *
 * @throws {Refusal} 413 or 408 where it is over a limit; 415 where it is compressed; 400 where it is not what it says
 */
export async function receiveImages(request: Request, limits: BodyLimits): Promise<SentImage[]> {
  const coding = request.headers.get("content-encoding") ?? "identity";
  if (coding !== "identity") {
    throw new Refusal(
      415,
      `Expected a body as it is, but found one in the encoding ${JSON.stringify(coding)}`,
    );
  }
  const bytes = await receive(request, limits);
  return isMultipart(request) ? await partsOf(request, bytes) : [{ name: UNNAMED, bytes }];
}

async function receive(
  request: Request,
  { maxBytes, seconds }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = (): Refusal =>
    new Refusal(413, `Expected a body of at most ${maxBytes} bytes, but found more`);
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader(), chunks: Uint8Array[] = [];
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new Refusal(408, `Expected a body within ${seconds} seconds, but found it unfinished`, {}),
    );
  }, seconds * 1000);
  let length = 0;
  try {
    while (true) {
      const { value, done } = await Promise.race([reader.read(), late]);
      if (done) break;
      length += value.length;
      if (length > maxBytes) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // the rest is not wanted; what went wrong is thrown
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, "Expected a whole body, but found that it ended early");
  } finally {
    clearTimeout(timer);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function partsOf(request: Request, body: Uint8Array<ArrayBuffer>): Promise<SentImage[]> {
  const headers = { "content-type": request.headers.get("content-type")! };
  const form = await new Response(body, { headers }).formData().catch(() => {
    throw new Refusal(400, "Expected a body of multipart/form-data, but found something else");
  });
  const files = form.getAll("image").filter((part) => part instanceof File);
  if (files.length === 0) {
    throw new Refusal(400, "Expected files as parts `image`, but found none");
  }
  return await Promise.all(
    files.map(async (file) => ({ name: file.name || UNNAMED, bytes: await file.bytes() })),
  );
}
