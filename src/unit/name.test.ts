import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import {
  completeUnitName,
  escapeUnitName,
  isUnitName,
  mangleUnitName,
  parseUnitName,
  UNIT_SUFFIXES,
  unescapeUnitName,
} from "./name.ts";

/** The error a call throws; fails the test when it throws none. */
function errorOf(call: () => unknown): FlotillaError {
  try {
    call();
  } catch (error) {
    if (error instanceof FlotillaError) return error;
  }
  throw new Error("no FlotillaError was thrown");
}

describe("parseUnitName", () => {
  test("a plain name", () => {
    expect(parseUnitName("web.service")).toEqual({
      full: "web.service",
      prefix: "web",
      suffix: "service",
      isTemplate: false,
      isInstance: false,
    });
  });

  test("a template has no instance", () => {
    expect(parseUnitName("web@.timer")).toEqual({
      full: "web@.timer",
      prefix: "web",
      suffix: "timer",
      isTemplate: true,
      isInstance: false,
    });
  });

  test("an instance knows its template", () => {
    expect(parseUnitName("web@1.service")).toEqual({
      full: "web@1.service",
      prefix: "web",
      instance: "1",
      suffix: "service",
      isTemplate: false,
      isInstance: true,
      template: "web@.service",
    });
  });

  test("the first @ separates, so an instance may hold others", () => {
    expect(parseUnitName("foo@bar@bar.service")).toMatchObject({ prefix: "foo", instance: "bar@bar" });
  });

  test("only the last dot begins the suffix", () => {
    expect(parseUnitName("a.b.service")).toMatchObject({ prefix: "a.b", suffix: "service" });
    expect(parseUnitName("x@1.2.socket")).toMatchObject({ instance: "1.2", suffix: "socket" });
  });

  test.each(UNIT_SUFFIXES)("a name may end in .%s", (suffix) => {
    expect(parseUnitName(`a.${suffix}`).suffix).toBe(suffix);
  });

  test.each(["a:b_c.d-e.service", "-.mount", "a\\x20b.service", "dev-sda1.device"])(
    "%s is a name",
    (name) => {
      expect(isUnitName(name)).toBe(true);
    },
  );

  test.each([
    ["", /does not end in the suffix/],
    ["web", /does not end in the suffix/],
    ["web.", /does not end in the suffix/],
    ["web.servic", /does not end in the suffix/],
    [".service", /nothing stands before the suffix/],
    ["@1.service", /nothing stands before the "@"/],
    ["@.service", /nothing stands before the "@"/],
    ["a b.service", /contains " "/],
    ["a/b.service", /contains "\/"/],
    ["ä.service", /contains "ä"/],
    ["a\n.service", /contains/],
    [`${"a".repeat(248)}.service`, /longer than 255 bytes/],
  ])("%j is refused with its reason", (name, reason) => {
    const error = errorOf(() => parseUnitName(name));
    expect(error.code).toBe("bad-unit-name");
    expect(error.message).toMatch(reason);
  });

  test("255 bytes are allowed", () => {
    expect(isUnitName(`${"a".repeat(247)}.service`)).toBe(true);
  });

  test("hints name what was likely meant", () => {
    expect(errorOf(() => parseUnitName("web.servcie")).hint).toBe("did you mean web.service?");
    expect(errorOf(() => parseUnitName("web")).hint).toBe("did you mean web.service?");
    expect(errorOf(() => parseUnitName("a b@c d.service")).hint).toContain(".service");
    expect(errorOf(() => parseUnitName("my app.service")).hint).toBe(
      "escaped it would be my\\x20app.service",
    );
  });
});

describe("completeUnitName", () => {
  test.each([
    ["web", "web.service"],
    ["web.service", "web.service"],
    ["./units/web.service", "web.service"],
    ["/etc/units/web", "web.service"],
    ["web@1", "web@1.service"],
    ["foo.target", "foo.target"],
    ["foo.slice", "foo.slice"],
    ["foo.bar", "foo.bar.service"],
    ["app.timer", "app.timer"],
  ])("%s becomes %s", (typed, full) => {
    expect(completeUnitName(typed)).toBe(full);
  });
});

describe("escaping", () => {
  test.each([
    ["a b/c", "a\\x20b-c"],
    [".hidden", "\\x2ehidden"],
    ["a-b", "a\\x2db"],
    ["ä", "\\xc3\\xa4"],
    ["a\\b", "a\\x5cb"],
    ["A:z_9.", "A:z_9."],
    ["/dev//sda", "-dev--sda"],
  ])("%j as %s and back", (text, escaped) => {
    expect(escapeUnitName(text)).toBe(escaped);
    expect(unescapeUnitName(escaped)).toBe(text);
  });

  test.each([
    ["/", "-"],
    ["/dev/sda", "dev-sda"],
    ["//tmp//foo/", "tmp-foo"],
    ["/a/./b", "a-b"],
    ["/.x", "\\x2ex"],
  ])("the path %s as %s", (path, escaped) => {
    expect(escapeUnitName(path, { path: true })).toBe(escaped);
  });

  test.each([
    ["-", "/"],
    ["dev-sda", "/dev/sda"],
  ])("%s as the path %s", (escaped, path) => {
    expect(unescapeUnitName(escaped, { path: true })).toBe(path);
  });

  test("a path that goes up is refused", () => {
    expect(errorOf(() => escapeUnitName("/a/../b", { path: true })).code).toBe("bad-unit-name");
  });

  test.each(["a\\", "\\xg0", "\\n", "\\x2"])("%j holds no proper escape", (text) => {
    expect(errorOf(() => unescapeUnitName(text)).code).toBe("bad-unit-name");
  });

  test("any text survives being escaped, and makes a good instance", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (text) => {
        const escaped = escapeUnitName(text);
        expect(unescapeUnitName(escaped)).toBe(text);
        if (escaped.length < 200) expect(parseUnitName(`a@${escaped}.service`).instance).toBe(escaped);
      }),
    );
  });

  test("parsing any text gives a name or the one error, nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const name of [text, `${text}.service`, completeUnitName(text)]) {
          if (isUnitName(name)) expect(parseUnitName(name).full).toBe(name);
          else expect(errorOf(() => parseUnitName(name)).code).toBe("bad-unit-name");
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("mangleUnitName, checked against systemd-escape 252", () => {
  test.each([
    ["foo", "foo.service"],
    ["foo.service", "foo.service"],
    ["foo.bar", "foo.bar.service"],
    ["foo@.timer", "foo@.timer"],
    ["a b", "a\\x20b.service"],
    ["a@b c.timer", "a@b\\x20c.timer"],
    ["/home/x", "home-x.mount"],
    ["/", "-.mount"],
    ["/dev/sda", "dev-sda.device"],
    ["/dev", "dev.mount"],
    ["dev/sda", "dev-sda.service"],
    ["/a/../b", "-a-..-b.service"],
    [".service", ".service.service"],
    ["*.service", "\\x2a.service"],
  ])("%s is %s", (text, name) => {
    expect(mangleUnitName(text)).toBe(name);
  });

  test.each(["", "@", "x".repeat(300)])("%j cannot be made a name", (text) => {
    expect(() => mangleUnitName(text)).toThrow("is not a unit name");
  });
});

describe("unescaping a path", () => {
  test.each(["", "-a", "a-", "a--b", "\\x2e", "a-.", "a-\\x2e\\x2e-b"])("%j is none", (escaped) => {
    expect(() => unescapeUnitName(escaped, { path: true })).toThrow("is not a unit name");
  });

  test("a NUL ends the text", () => {
    expect(unescapeUnitName("a\\x00b")).toBe("a");
    expect(unescapeUnitName("a\\x00b", { path: true })).toBe("/a");
  });
});
