import { once } from "node:events";
import { connect } from "node:http2";
import { createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ANSWER_HEADERS_BYTES_MAX, HeaderReader, writeHeaders } from "./hpack.ts";
import { Http2Error } from "./http2-error.ts";
import { HuffmanReader } from "./huffman.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const entries = (reader: HeaderReader, block: string) => [...reader.read(hex(block))];

/** The examples of RFC 7541, appendix C.4: requests with Huffman codes, one after the other on one connection. */
const REQUESTS = [
  [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ],
  ],
  [
    "8286 84be 5886 a8eb 1064 9cbf",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
      ["cache-control", "no-cache"],
    ],
  ],
  [
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    [
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ],
  ],
] as const;

describe("a reader of headers", () => {
  test("reads the examples of the standard, in order on one connection", () => {
    const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
    for (const [block, expected] of REQUESTS) expect(entries(reader, block)).toEqual(expected);
  });

  test("gives a known block the same headers, and other ones once the table has changed", () => {
    const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
    reader.read(hex("40 01 61 01 31"));
    expect(entries(reader, "be")).toEqual([["a", "1"]]);
    expect(entries(reader, "be")).toEqual([["a", "1"]]);
    reader.read(hex("40 01 62 01 32"));
    expect(entries(reader, "be")).toEqual([["b", "2"]]);
    expect(entries(reader, "bf")).toEqual([["a", "1"]]);
  });

  test("forgets its table when the peer makes it smaller", () => {
    const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
    reader.read(hex("40 01 61 01 31"));
    expect(entries(reader, "20")).toEqual([]);
    expect(() => reader.read(hex("be"))).toThrow("an unknown header");
  });

  test("keeps no more than its table holds", () => {
    const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
    const long = Buffer.concat([hex("40 01 61 7f 81 0f"), Buffer.alloc(2048, "x")]);
    for (let count = 0; count < 5; count += 1) reader.read(long);
    expect(reader.read(hex("be")).get("a")).toHaveLength(2048);
    expect(() => reader.read(hex("bf"))).toThrow(Http2Error);
  });

  test.for([
    ["an index of nothing", "80"],
    ["an index beyond the tables", "ff 20"],
    ["a text beyond the block", "00 05 61"],
    ["a number without an end", "ff ff ff ff ff ff ff"],
    ["a table larger than was allowed", "3f e2 1f"],
    ["a Huffman code of the end", "00 84 ff ff ff ff 00"],
    ["a block that ends in a number", "7f"],
  ])("refuses %s", ([, block = ""]) => {
    expect(() => new HeaderReader(ANSWER_HEADERS_BYTES_MAX).read(hex(block))).toThrow(Http2Error);
  });

  test("never fails but with an error of the protocol, whatever it is given", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (blocks) => {
        const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
        for (const block of blocks) {
          try {
            reader.read(Buffer.from(block));
          } catch (error) {
            expect(error).toBeInstanceOf(Http2Error);
          }
        }
      }),
    );
  });

  test("refuses headers that take more memory than is right", () => {
    const one = Buffer.concat([hex("00 01 61 7f 81 0f"), Buffer.alloc(2048, "x")]);
    expect(() =>
      new HeaderReader(ANSWER_HEADERS_BYTES_MAX).read(Buffer.concat(Array.from({ length: 40 }, () => one))),
    ).toThrow("too many headers");
  });
});

describe("what is written", () => {
  const name = fc.stringMatching(/^[a-z][a-z-]{0,20}$/);
  const value = fc.stringMatching(/^[ -~]{1,300}$/).map((text) => text.trim());

  test("is read back, and leaves the reader's table alone", () => {
    fc.assert(
      fc.property(fc.dictionary(name, value), (headers) => {
        const block = writeHeaders(Object.entries(headers));
        const reader = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
        expect(Object.fromEntries(reader.read(block))).toEqual({ ...headers });
        expect(() => reader.read(Buffer.of(0xbe))).toThrow("an unknown header");
      }),
    );
  });

  test("a header of the static table is one byte", () => {
    expect(writeHeaders([[":status", "200"]])).toEqual(Buffer.of(0x88));
  });
});

describe("Huffman codes", () => {
  test("of every byte are read as Node's HTTP/2 writes them", async () => {
    const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, string>>();
    const server = createServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket.on("error", () => undefined);
      socket.on("data", (piece: Buffer) => {
        bytes = Buffer.concat([bytes, piece]);
        const headers = headersIn(bytes);
        if (headers.size > 0) resolve(headers);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    const all = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => at + 33));
    session.request({ ":path": "/", "x-all": `${all} ${all}` }).on("error", () => undefined);
    expect((await promise).get("x-all")).toBe(`${all} ${all}`);
    session.destroy();
    await once(server.close(), "close");
  });

  test("refuse padding of a byte or more", () => {
    expect(() => new HuffmanReader().read(hex("1f ff ff"))).toThrow(Http2Error);
    expect(new HuffmanReader().read(hex("1f"))).toBe("a");
  });
});

/** The first block of headers in what a client has sent. */
function headersIn(bytes: Buffer): ReadonlyMap<string, string> {
  for (let at = 24; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (at + 9 + length > bytes.length) break;
    const content = bytes.subarray(at + 9, at + 9 + length);
    const isPrioritized = ((bytes[at + 4] ?? 0) & 0x20) !== 0;
    if (bytes[at + 3] === 1)
      return new HeaderReader(ANSWER_HEADERS_BYTES_MAX).read(content.subarray(isPrioritized ? 5 : 0));
    at += 9 + length;
  }
  return new Map();
}
