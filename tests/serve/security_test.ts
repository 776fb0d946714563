/**
 * Who may ask.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { isLoopback } from "../../src/serve/security.ts";
import { FakeBackend, image, png, withServer } from "./fake.ts";

/** Asks as a browser or anybody else would: `fetch` sets Host and Origin by itself. @returns the status, and the answer's text */
async function raw(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<[number, string]> {
  const { hostname, port } = new URL(url), connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const text = await new Response(connection.readable).text();
  return [Number(text.split(" ")[1]), text];
}

const FROM: [host: string, options: { host?: string; allowHosts?: string[] }, status: number][] = [
  ["127.0.0.1", {}, 200],
  ["localhost", {}, 200],
  ["LOCALHOST:8080", {}, 200],
  ["[::1]:1", {}, 200],
  ["evil.example", {}, 403],
  ["localhost.evil.example", {}, 403],
  ["127.0.0.1.evil.example", {}, 403],
  ["127.0.0.1@evil.example", {}, 403],
  ["evil.example#127.0.0.1", {}, 403],
  ["192.168.0.7", {}, 403],
  ["", {}, 403],
  ["192.168.0.7:80", { host: "0.0.0.0" }, 200],
  ["[fe80::1]", { host: "0.0.0.0" }, 200],
  ["evil.example", { host: "0.0.0.0" }, 403],
  ["1.evil", { host: "0.0.0.0" }, 403],
  ["Inspect.Example:443", { allowHosts: ["inspect.example"] }, 200],
  ["other.example", { allowHosts: ["inspect.example"] }, 403],
];

for (const [host, options, status] of FROM) {
  Deno.test(`a request for ${host || "no host"} is answered ${status} with ${JSON.stringify(options)}`, () =>
    withServer(async ({ url }) => {
      const [found, text] = await raw(url, "GET", "/healthz", host ? { host } : {});
      equal(found, host ? status : found === 400 ? 400 : 403, text); // without a host it is no HTTP/1.1
    }, options));
}

Deno.test("a foreign page is refused, whatever it asks, and the server's own is not", () =>
  withServer(async ({ url, backend }) => {
    const host = new URL(url).host;
    for (
      const origin of [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        `http://${host}.evil.example`,
        "file://",
        "x",
      ]
    ) {
      for (const [method, path] of [["POST", "/v1/score"], ["OPTIONS", "/v1/score"], ["GET", "/v1/models"]]) {
        equal(
          (await raw(url, method, path, { host, origin, "content-length": "0" }))[0],
          403,
          `${origin} ${method}`,
        );
      }
    }
    equal((await raw(url, "GET", "/v1/models", { host, origin: url }))[0], 200);
    // A proxy may speak for another name, over TLS.
    equal((await raw(url, "GET", "/v1/models", { host, origin: "https://inspect.example" }))[0], 200);
    equal(backend.batches.length, 0);
  }, { allowHosts: ["inspect.example"] }));

Deno.test("with a token, images and metrics are for those who know it", () =>
  withServer(async ({ ask }) => {
    const send = async (path: string, authorization?: string, init: RequestInit = {}) => {
      const response = await ask(path, {
        ...init,
        headers: authorization === undefined ? {} : { authorization },
      });
      return [response, await response.text()] as const;
    };
    for (const path of ["/v1/models", "/metrics", "/v1/score"]) {
      const init = path === "/v1/score" ? image(png(1)) : {};
      for (
        const wrong of [
          undefined,
          "secret",
          "Bearer",
          "Bearer secre",
          "Bearer secret2",
          "Basic secret",
          "Bearer a b",
        ]
      ) {
        const [response, text] = await send(path, wrong, init);
        equal(response.status, 401, `${path} ${wrong}`);
        match(response.headers.get("www-authenticate")!, /^Bearer/);
        ok(!text.includes("secret"));
      }
      equal((await send(path, "Bearer secret", init))[0].status, 200, path);
      equal((await send(path, "bearer  secret", init))[0].status, 200, path);
    }
    for (const path of ["/healthz", "/openapi.json"]) equal((await send(path))[0].status, 200);
    for (const path of ["/", "/main.js"]) equal((await send(path))[0].status, 200); // the page asks for it
  }, { token: "secret" }));

Deno.test("every answer tells browsers to be strict", () =>
  withServer(
    async ({ ask, backend }) => {
      backend.next = new Error("a fault");
      for (const init of [{}, image(png(1)), { method: "PUT" }]) {
        const response = await ask("/v1/score", init);
        await response.body?.cancel();
        const header = (name: string) => response.headers.get(name);
        match(header("content-security-policy")!, /^default-src 'self'; .*frame-ancestors 'none'$/);
        match(header("content-security-policy")!, /img-src 'self' blob: data:/);
        equal(header("x-content-type-options"), "nosniff");
        equal(header("referrer-policy"), "no-referrer");
        match(header("permissions-policy")!, /camera=\(self\)/);
        equal(header("access-control-allow-origin"), null);
      }
    },
    {},
    new FakeBackend("thing.safetensors"),
  ));

Deno.test("which addresses only this machine can reach", () => {
  for (const host of ["127.0.0.1", "127.3.2.1", "localhost", "::1"]) ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "inspect.example"]) ok(!isLoopback(host), host);
});
