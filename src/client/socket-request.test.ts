import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requestOverSocket, type SocketRequest } from "./socket-request.ts";

let directory: string;
let server: Server;
let answerWith: (...call: Parameters<RequestListener>) => unknown;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-socket-request-"));
  server = createServer((request, response) => void answerWith(request, response));
  server.listen(join(directory, "api"));
  await once(server, "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

function ask(change: Partial<SocketRequest> = {}) {
  return requestOverSocket({
    socketPath: join(directory, "api"),
    method: "GET",
    path: "/v1/units?unit=a.service",
    headers: {},
    payload: undefined,
    signal: undefined,
    timeoutMs: 20_000,
    tooLate: () => new Error("too late"),
    ...change,
  });
}

async function bodyOf(answer: { readonly body: AsyncIterable<Buffer> }): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer.body) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe("a request over a socket", () => {
  test("arrives with its path, headers and body, and its answer of a known length comes back", async () => {
    answerWith = async (request, response) => {
      const { method, url, headers } = request;
      response.statusCode = 201;
      const body = JSON.stringify({ method, url, kind: headers["content-type"], sent: await text(request) });
      response.setHeader("content-length", Buffer.byteLength(body)).end(body);
    };
    const headers = { "content-type": "application/json" };
    const answer = await ask({ method: "POST", headers, payload: '{"ä":1}' });
    expect(answer.status).toBe(201);
    const got = {
      method: "POST",
      url: "/v1/units?unit=a.service",
      kind: "application/json",
      sent: '{"ä":1}',
    };
    expect(JSON.parse(await bodyOf(answer))).toEqual(got);
  });

  test("reads megabytes in chunks byte for byte, and a body that is empty", async () => {
    const pieces = Array.from({ length: 50 }, (_, at) => Buffer.alloc(at * 2_000, `${at} ä\r\n`));
    answerWith = async (request, response) => {
      if (request.url === "/empty") response.statusCode = 204;
      else for (const piece of pieces) if (!response.write(piece)) await once(response, "drain");
      response.end();
    };
    expect(await bodyOf(await ask())).toBe(Buffer.concat(pieces).toString());
    expect(await bodyOf(await ask({ path: "/empty" }))).toBe("");
  });

  test("hears of each piece when it comes, and closes the connection when nobody reads on", async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    answerWith = (_, response) => {
      response.on("close", resolve);
      response.write("one\n");
    };
    const answer = await ask();
    for await (const part of answer.body) {
      expect(part.toString()).toBe("one\n");
      break;
    }
    await closed;
  });

  test("fails where the connection is cut in the middle of the body", async () => {
    answerWith = (_, response) => {
      response.write("half of", () => setImmediate(() => response.destroy()));
    };
    const answer = await ask();
    await expect(bodyOf(answer)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("fails where it is cut before the head, and where nobody listens, with the system's code", async () => {
    answerWith = (request) => request.socket.destroy();
    await expect(ask()).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(ask({ socketPath: join(directory, "none") })).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("gives up when the answer does not begin in time, but not on a body that is slow", async () => {
    answerWith = () => undefined;
    await expect(ask({ timeoutMs: 20 })).rejects.toThrow("too late");
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    answerWith = async (_, response) => {
      response.write("a");
      await later;
      response.end("b");
    };
    const answer = await ask({ timeoutMs: 2_000 });
    setTimeout(goOn, 2_500);
    expect(await bodyOf(answer)).toBe("ab");
  });

  test("ends with the signal's reason, before the answer and in it", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    answerWith = () => stop.abort(reason);
    await expect(ask({ signal: stop.signal })).rejects.toBe(reason);
    await expect(ask({ signal: stop.signal })).rejects.toBe(reason);
    const later = new AbortController();
    answerWith = (_, response) => void response.write("a");
    const answer = await ask({ signal: later.signal });
    const read = bodyOf(answer);
    later.abort(reason);
    await expect(read).rejects.toBe(reason);
  });

  test("refuses what would be read as another request, and an answer that is not HTTP", async () => {
    await expect(ask({ path: "/a HTTP/1.1\r\nx: y" })).rejects.toThrow(RangeError);
    await expect(ask({ headers: { "x-name": "a\r\nb: c" } })).rejects.toThrow(RangeError);
    const other = createSocketServer((socket) => socket.end("220 mail\r\n\r\n"));
    other.listen(join(directory, "mail"));
    await once(other, "listening");
    await expect(ask({ socketPath: join(directory, "mail") })).rejects.toThrow("does not speak HTTP");
    other.close();
  });
});
