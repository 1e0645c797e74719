/** `verifyUnit` against `systemd-analyze verify` of systemd 252: the same words about the same lines. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { differences } from "./differences.ts";
import { KEYS, PIECES, unitsOfRows } from "./values.ts";

const GOLDEN = new URL("../conformance/unit/files/", import.meta.url);

test("the golden files get the verdict that their comments say from systemd, too", () => {
  const names = readdirSync(GOLDEN);
  const files = new Map(names.map((name) => [name, readFileSync(new URL(name, GOLDEN), "utf8")]));
  expect(differences(files)).toEqual([]);
});

/** The version of systemd that these tests are about. */
const VERSION = 252;
/** Tens of thousands of values take seconds where the computer is idle, and a minute where it is not. */
const SLOW_MS = 180_000;

test(
  "every key says of every value what systemd says",
  () => {
    expect(differences(unitsOfRows(VERSION))).toEqual([]);
  },
  SLOW_MS,
);

/** Lines of unit files as people get them wrong: sections, continuations, comments, unknown keys, odd values. */
const line = fc.oneof(
  fc.constantFrom(
    "[Unit]",
    "[Service]",
    "[Install]",
    "[X-Own]",
    "[Unknown]",
    "[Service",
    "",
    "# c",
    "; c \\",
    "junk",
    "=x",
  ),
  fc
    .record({ key: fc.constantFrom(...KEYS), value: fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }) })
    .map(({ key, value }) => `${key}=${value.join("")}`),
);

test(
  "whatever is written into a service, both say the same of it",
  () => {
    const files = fc.sample(fc.array(line, { minLength: 1, maxLength: 12 }), { numRuns: 1500, seed: 252 });
    const named = files.map(
      (lines, index) => [`generated${index}.service`, `${lines.join("\n")}\n`] as const,
    );
    expect(differences(new Map(named))).toEqual([]);
  },
  SLOW_MS,
);
