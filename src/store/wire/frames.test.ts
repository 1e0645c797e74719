import fc from "fast-check";
import { expect, test } from "vitest";
import { Deframer, frame, framed } from "./frames.ts";

test("messages come out as they went in, however the bytes were cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const deframer = new Deframer(1_000);
      let rest = Buffer.concat(sent.map((message) => frame(message)));
      const received: number[][] = [];
      for (const cut of [...cuts, rest.length]) {
        for (const message of deframer.push(rest.subarray(0, cut))) received.push([...message]);
        rest = rest.subarray(cut);
      }
      expect(received).toEqual(sent.map((message) => [...message]));
    }),
  );
});

test("a message in pieces has the frame that it has as a whole", () => {
  const pieces = [[1, 2], [], [3]].map((bytes) => Buffer.from(bytes));
  expect(Buffer.concat(framed(pieces))).toEqual(frame(Uint8Array.from([1, 2, 3])));
  expect(framed(pieces.slice(0, 1))).toEqual([frame(Uint8Array.from([1, 2]))]);
});

test("a message that is too large or compressed is refused before it has come in", () => {
  const large = frame(new Uint8Array(11));
  expect(() => new Deframer(10).push(large.subarray(0, 5))).toThrow(
    "grpc: received message larger than max (11 vs. 10)",
  );
  const compressed = Buffer.from(large);
  compressed[0] = 1;
  expect(() => new Deframer(100).push(compressed)).toThrow("compressed");
});
