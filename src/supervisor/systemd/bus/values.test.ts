import { describe, expect, test } from "vitest";
import { flag, hex, list, number, properties, text, texts } from "./values.ts";

describe("what comes in messages is read as what it should be", () => {
  test.each([
    ["text", text("x"), "x"],
    ["no text", text(7), ""],
    ["a number", number(7), 7],
    ["64 bits", number(1_795_439_077_703_123n), 1_795_439_077_703_123],
    ["no number", number("7"), 0],
    ["true", flag(true), true],
    ["one", flag(1), true],
    ["no flag", flag("true"), false],
    ["bytes", hex(Buffer.from([0, 171])), "00ab"],
    ["numbers as bytes", hex([0, 171]), "00ab"],
    ["no bytes", hex("ab"), ""],
    ["a list", list([1]), [1]],
    ["no list", list("x"), []],
    ["texts", texts(["a", 1, "b"]), ["a", "b"]],
    ["properties", properties({ A: 1 }), { A: 1 }],
    ["no properties", properties([1]), {}],
    ["nothing", properties(null), {}],
  ])("%s", (_, read, expected) => {
    expect(read).toEqual(expected);
  });
});
