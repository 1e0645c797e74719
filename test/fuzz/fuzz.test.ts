/** A short run of the fuzzer, and inputs that grow; `npm run fuzz` is the long run. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { readCorpus } from "./corpus.ts";
import { makeInput } from "./inputs.ts";
import { SUBJECTS } from "./subjects.ts";

const INPUTS = 150;
const corpus = readCorpus();

test("there are real files to start from", () => {
  expect(corpus.length).toBeGreaterThan(10);
});

test.each(Object.entries(SUBJECTS))("%s", (_, check) => {
  const random = seededRandom(3);
  for (let count = 0; count < INPUTS; count++) {
    const input = makeInput(random, corpus);
    expect(() => check(input), JSON.stringify(input)).not.toThrow();
  }
});

/** Pieces whose repetition makes readers that look back or ahead too often slow: these would then not end in time. */
const PIECES = [
  "\\",
  "\\\n",
  '"',
  "'",
  "$A",
  "${A",
  "%",
  "%%i",
  "\\x2d",
  "\\q ",
  "-",
  "@",
  "/",
  "1,",
  "1..",
  "[",
  "=",
  "a\n",
  " ",
  "; ",
];
const LENGTH = 2 * 1024;

describe.each(["", "[Service]\nExecStart=/bin/x ", "[Unit]\nAfter=", "[Service]\nEnvironment="])(
  "behind %j",
  (start) => {
    test.each(PIECES)("so many of %j come to an end", (piece) => {
      const input = start + piece.repeat(LENGTH / piece.length);
      for (const check of Object.values(SUBJECTS)) expect(() => check(input)).not.toThrow();
    });
  },
);
