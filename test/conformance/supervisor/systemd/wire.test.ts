import fc from "fast-check";
import { expect, test } from "vitest";
import { type Call, decodeMessage, encodeCall, messageLength } from "./wire.ts";

const argument = fc.oneof(
  fc.string({ unit: "binary" }).map((value) => ({ type: "s", value })),
  fc.integer({ min: 0, max: 0x7fffffff }).map((value) => ({ type: "i", value })),
  fc.array(fc.string()).map((value) => ({ type: "as", value })),
);

test("what is encoded is decoded as it was, and says its length", () => {
  fc.assert(
    fc.property(fc.array(argument), (body) => {
      const call: Call = {
        path: "/some/path",
        interface: "an.interface",
        member: "Member",
        signature: body.map(({ type }) => type).join(""),
        body: body.map(({ value }) => value),
      };
      const bytes = encodeCall(7, call);
      expect(messageLength(bytes)).toBe(bytes.length);
      expect(messageLength(bytes.subarray(0, 15))).toBeUndefined();
      expect(decodeMessage(bytes)).toMatchObject({
        type: "call",
        path: "/some/path",
        member: "Member",
        body: call.body,
      });
    }),
  );
});
