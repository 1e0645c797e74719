import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isGlob, matchGlob } from "./glob.ts";

describe("matchGlob", () => {
  // Rows of Go's own path.Match tests first, then unit names.
  test.each([
    ["abc", "abc", true],
    ["*", "abc", true],
    ["*c", "abc", true],
    ["a*", "a", true],
    ["a*", "ab/c", false],
    ["a*/b", "abc/b", true],
    ["a*/b", "a/c/b", false],
    ["a*b*c*d*e*/f", "axbxcxdxe/f", true],
    ["a*b*c*d*e*/f", "axbxcxdxexxx/fff", false],
    ["a*b?c*x", "abxbbxdbxebxczzx", true],
    ["a*b?c*x", "abxbbxdbxebxczzy", false],
    ["ab[c]", "abc", true],
    ["ab[b-d]", "abc", true],
    ["ab[e-g]", "abc", false],
    ["ab[^c]", "abc", false],
    ["ab[^e-g]", "abc", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "ab", false],
    ["a?b", "a☺b", true],
    ["a[^a]b", "a☺b", true],
    ["a???b", "a☺b", false],
    ["[a-ζ]*", "α", true],
    ["a?b", "a/b", false],
    ["[\\]a]", "]", true],
    ["[\\-]", "-", true],
    ["[x\\-]", "-", true],
    ["[", "a", false],
    ["[^", "a", false],
    ["[]a]", "]", false],
    ["[-]", "-", false],
    ["[x-]", "x", false],
    ["[a-b-c]", "a", false],
    ["a[", "a", false],
    ["\\", "a", false],
    ["*x", "xxx", true],
    ["web@*.service", "web@1.service", true],
    ["web@*.service", "web@.service", true],
    ["web@*.service", "db@1.service", false],
    ["*.service", "a.timer", false],
    ["web.service", "web.service", true],
  ])("%s on %s is %s", (pattern, name, matches) => {
    expect(matchGlob(pattern, name)).toBe(matches);
  });

  test("a malformed pattern is known as such", () => {
    expect(["[", "a\\", "[]", "[a-"].filter(isGlob)).toEqual([]);
    expect(["*", "", "[a]", "\\["].filter((pattern) => !isGlob(pattern))).toEqual([]);
  });

  test("a name without special characters matches itself and a star in any place of it", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z@.0-9-]{1,20}$/), fc.nat(), (name, at) => {
        const cut = at % (name.length + 1);
        expect(matchGlob(name, name)).toBe(true);
        expect(matchGlob(`${name.slice(0, cut)}*`, name)).toBe(true);
        expect(matchGlob(`*${name.slice(cut)}`, name)).toBe(true);
      }),
    );
  });

  test("stars without end do not make it slow", () => {
    expect(matchGlob(`${"a*".repeat(60)}b`, "a".repeat(200))).toBe(false);
  });
});
