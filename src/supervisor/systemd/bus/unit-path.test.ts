import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interfaceOfUnit, pathOfUnit, unitOfPath } from "./unit-path.ts";

describe("the object path of a unit", () => {
  test.each([
    ["a.service", "a_2eservice"],
    ["a@b.service", "a_40b_2eservice"],
    ["7up.service", "_37up_2eservice"],
    ["x\\x2dy.mount", "x_5cx2dy_2emount"],
    ["-.slice", "_2d_2eslice"],
  ])("of %s is %s", (unit, path) => {
    expect(pathOfUnit(unit)).toBe(`/org/freedesktop/systemd1/unit/${path}`);
    expect(unitOfPath(pathOfUnit(unit))).toBe(unit);
  });

  test("leads back to any name, and is one that D-Bus takes", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (name) => {
        expect(unitOfPath(pathOfUnit(name))).toBe(Buffer.from(name).toString());
        expect(pathOfUnit(name)).toMatch(/^(\/[A-Za-z0-9_]+)+$/);
      }),
    );
  });

  test("is no other object's", () => {
    expect(unitOfPath("/org/freedesktop/systemd1")).toBeUndefined();
    expect(unitOfPath("/org/freedesktop/systemd1/job/7")).toBeUndefined();
  });
});

test("properties of its type are on an interface of the type's name", () => {
  expect(interfaceOfUnit("a.b.service")).toBe("org.freedesktop.systemd1.Service");
  expect(interfaceOfUnit("run-x.mount")).toBe("org.freedesktop.systemd1.Mount");
});
