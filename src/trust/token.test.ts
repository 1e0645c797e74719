import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import type { TokenRecord } from "#model/trust-records.ts";
import { afterUse, formatToken, hashSecret, judgeToken, newToken, parseToken } from "./token.ts";

const TOKEN = newToken("f".repeat(64), seededRandom(1));
const RECORD: TokenRecord = {
  hash: hashSecret(TOKEN.secret),
  role: "machine",
  name: "",
  createdMs: 0,
  expiresMs: 1_000,
  usesLeft: 2,
  createdBy: "local socket",
};

describe("a token's text", () => {
  test("comes back as the token, with white space around it too", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom("", " ", "\n"), (seed, space) => {
        const token = newToken("0123456789abcdef".repeat(4), seededRandom(seed));
        expect(parseToken(`${space}${formatToken(token)}${space}`)).toEqual(token);
      }),
    );
  });

  test("has a secret of 160 bits from the source of chance", () => {
    const made = new Set(Array.from({ length: 1_000 }, (_, seed) => newToken("", seededRandom(seed)).secret));
    expect(made.size).toBe(1_000);
    expect(TOKEN.secret).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
  });

  test.for(["", "flo_", "flo_a_b_c", formatToken(TOKEN).slice(0, -1), formatToken(TOKEN).toUpperCase()])(
    "is refused where it is none, and never repeated: %s",
    (text) => {
      expect(() => parseToken(text)).toThrow("this is not a token");
    },
  );

  test("that is anything at all is refused or read, and an error does not show it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        try {
          parseToken(`flo_${text}`);
        } catch (error) {
          expect(JSON.stringify(error)).not.toContain(text);
        }
      }),
    );
  });
});

describe("a token is judged", () => {
  test("good before its end and while uses are left", () => {
    expect(judgeToken(TOKEN, RECORD, 999)).toBe(RECORD);
    expect(judgeToken(TOKEN, { ...RECORD, usesLeft: null }, 0)).toMatchObject({ usesLeft: null });
  });

  test.for([
    ["nothing is kept of it", undefined, 0, /knows no token/],
    ["its secret is another", { ...RECORD, hash: hashSecret("other") }, 0, /knows no token/],
    ["its time is over", RECORD, 1_000, /has expired: it ended 1970-01-01T00:00:01/],
    ["it is used up", { ...RECORD, usesLeft: 0 }, 0, /as often as it may be/],
  ] as const)("bad where %s", ([, record, nowMs, says]) => {
    expect(() => judgeToken(TOKEN, record, nowMs)).toThrow(says);
  });

  test("bad with a wrong secret says nothing of its time or uses", () => {
    const spent = { ...RECORD, usesLeft: 0, expiresMs: 0 };
    expect(() => judgeToken({ ...TOKEN, secret: "x" }, spent, 5)).toThrow(/knows no token/);
  });
});

test("a use counts down, and one without a count stays as it is", () => {
  expect(afterUse(RECORD).usesLeft).toBe(1);
  expect(afterUse({ ...RECORD, usesLeft: null }).usesLeft).toBeNull();
});
