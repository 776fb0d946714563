/**
 * A request that is not done, and what its sender is told. Nothing of this machine's is in it.
 *
 * @module
 */
import type { ContentfulStatusCode } from "npm:hono@^4.13.0/utils/http-status";

/** An answer other than 200, to throw. */
export class Refusal extends Error {
  /** The class, as a stack trace shows it. */
  override name = "Refusal";
  /** HTTP's status. */
  readonly status: ContentfulStatusCode;
  /** Headers that go with it. */
  readonly headers: Readonly<Record<string, string>>;

  /** An error to throw. @param message what the answer's `error` says */
  constructor(status: ContentfulStatusCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
