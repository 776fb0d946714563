/**
 * Who may ask: only for hosts that the server has (a foreign page whose name was pointed here by DNS rebinding names another),
 * only pages that it has served itself (a foreign page's form or script comes with its own Origin), and where there is a
 * token, only who knows it.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "npm:hono@^4.13.0";
import { Refusal } from "./refusal.ts";

/** Who may ask. */
export interface SecurityOptions {
  /** Where the server listens. */
  host: string;
  /** Names it goes by elsewhere, as behind a proxy. */
  allowHosts: readonly string[];
  /** What `Authorization: Bearer` has to say; null for nothing. */
  token: string | null;
}

/** Names of this machine that no other can have. */
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** Addresses that stand for all of a machine's. */
const ANY = ["0.0.0.0", "::"];

/** Whether only this machine can connect there. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.includes(bracketed(host)) || /^127\./.test(host);
}

/** What every answer says to browsers. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'", // the JPEG decoder, where the page scores by itself
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "permissions-policy": "camera=(self), microphone=(), geolocation=()",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

/** Puts these headers on every answer. */
export function strictHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
  };
}

/** Refuses requests for other hosts, and from pages of other origins. */
export function ownHostsOnly({ host, allowHosts }: SecurityOptions): MiddlewareHandler {
  const allowed = new Set(allowHosts.map((name) => bracketed(name).toLowerCase()));
  const names = new Set([...allowed, ...LOOPBACK, bracketed(host).toLowerCase()]), any = ANY.includes(host);
  // Nobody can point a number elsewhere; names are another matter.
  const isOwn = (name: string): boolean =>
    names.has(name) || (any && (/^[\d.]+$/.test(name) || name.startsWith("[")));
  return async (c, next) => {
    const asked = urlOf(`http://${c.req.header("host")}`), origin = c.req.header("origin");
    if (!asked || !isOwn(asked.hostname)) {
      throw new Refusal(
        403,
        "Expected a request for this server's host, but found another (see --allow-host)",
      );
    }
    const from = origin === undefined ? undefined : urlOf(origin);
    if (origin !== undefined && from?.host !== asked.host && !(from && allowed.has(from.hostname))) {
      throw new Refusal(403, "Expected a request from this server's own page, but found another origin");
    }
    await next();
  };
}

/** Refuses requests without the token. Both are hashed first, so that the comparison tells neither length nor beginning. */
export function tokenOnly({ token }: SecurityOptions): MiddlewareHandler {
  const hash = (text: string): Uint8Array => createHash("sha256").update(text).digest();
  const wanted = token === null ? null : hash(token);
  return async (c, next) => {
    if (wanted) {
      const [, given] = (c.req.header("authorization") ?? "").match(/^Bearer +(\S+) *$/i) ?? [];
      if (given === undefined || !timingSafeEqual(hash(given), wanted)) {
        const found = given === undefined ? "none" : "another";
        throw new Refusal(401, `Expected the token as Authorization: Bearer TOKEN, but found ${found}`, {
          "www-authenticate": 'Bearer realm="adtr"',
        });
      }
    }
    await next();
  };
}

function urlOf(text: string): URL | undefined {
  const url = URL.parse(text) ?? undefined;
  return url?.pathname === "/" && url.search === "" && url.username === "" ? url : undefined;
}

/** An address as it stands in a URL. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
