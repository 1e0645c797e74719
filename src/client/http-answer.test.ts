import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyReader, type Framing, NotHttp, readHead } from "./http-answer.ts";

const HEAD = "HTTP/1.1 200 OK\r\nDate: now\r\n";

function headOf(text: string) {
  return readHead(Buffer.from(text));
}

describe("the head of an answer", () => {
  test("is read when it is whole, with the place where the body begins", () => {
    const text = `${HEAD}Content-Length: 12\r\n\r\nbody`;
    for (let length = 0; length < text.length - "body".length; length += 1)
      expect(headOf(text.slice(0, length))).toBeUndefined();
    expect(headOf(text)).toEqual({
      status: 200,
      framing: { kind: "length", bytes: 12 },
      end: text.length - "body".length,
    });
  });

  test.each<[string, Framing]>([
    ["Transfer-Encoding: chunked\r\n", { kind: "chunked" }],
    ["content-length: 7\r\ntransfer-encoding: chunked\r\n", { kind: "chunked" }],
    ["CONTENT-LENGTH:0\r\n", { kind: "length", bytes: 0 }],
    ["Connection: close\r\n", { kind: "until-end" }],
    ["X-Content-Length: 7\r\n", { kind: "until-end" }],
  ])("says with %j how the body ends", (fields, framing) => {
    expect(headOf(`${HEAD}${fields}\r\n`)?.framing).toEqual(framing);
  });

  test("is no HTTP where it says something else, or never ends", () => {
    expect(() => headOf("SSH-2.0-OpenSSH\r\n\r\n")).toThrow(NotHttp);
    expect(() => headOf(`${HEAD}a: ${"a".repeat(70_000)}`)).toThrow(NotHttp);
  });
});

/** What is taken of a body that comes in these pieces. */
function taken(framing: Framing, pieces: readonly Buffer[]) {
  const reader = bodyReader(framing);
  const body = Buffer.concat(pieces.flatMap((piece) => reader.take(piece)));
  return { body: body.toString("latin1"), isWhole: reader.isWhole, mayEnd: reader.mayEnd };
}

function cutAt(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });

describe("a body", () => {
  test("in chunks is the same wherever it is cut, and whole with its last chunk only", () => {
    fc.assert(
      fc.property(contents, places, (chunks, cuts) => {
        const all = chunks.map((chunk) => [`${chunk.length.toString(16)};ext=1\r\n`, chunk, "\r\n"]);
        const sent = Buffer.concat([...all.flat(), "0\r\n\r\n"].map((part) => Buffer.from(part)));
        const body = Buffer.concat(chunks).toString("latin1");
        expect(taken({ kind: "chunked" }, cutAt(sent, cuts))).toEqual({ body, isWhole: true, mayEnd: true });
        const { isWhole, mayEnd } = taken(
          { kind: "chunked" },
          cutAt(sent.subarray(0, sent.length - 4), cuts),
        );
        expect([isWhole, mayEnd]).toEqual([false, false]);
      }),
    );
  });

  test("of a length is whole with so many bytes, and may not end before", () => {
    const framing: Framing = { kind: "length", bytes: 5 };
    expect(taken(framing, [Buffer.from("abc")])).toEqual({ body: "abc", isWhole: false, mayEnd: false });
    expect(taken(framing, [Buffer.from("abc"), Buffer.from("defg")])).toEqual({
      body: "abcde",
      isWhole: true,
      mayEnd: true,
    });
    expect(taken({ kind: "length", bytes: 0 }, [])).toEqual({ body: "", isWhole: true, mayEnd: true });
  });

  test("without either goes on until the connection ends", () => {
    expect(taken({ kind: "until-end" }, [Buffer.from("abc")])).toEqual({
      body: "abc",
      isWhole: false,
      mayEnd: true,
    });
  });

  test.each(["zz\r\n", "\r\n", "-1\r\n", "a".repeat(2_000)])(
    "with %j for a chunk's size is no HTTP",
    (text) => {
      expect(() => taken({ kind: "chunked" }, [Buffer.from(text)])).toThrow(NotHttp);
    },
  );
});
