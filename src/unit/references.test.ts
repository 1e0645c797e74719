import { describe, expect, test } from "vitest";
import { findReferences } from "./references.ts";
import { isSpecialUnit } from "./special-units.ts";

/** The units named, by key. */
function named(name: string, ...lines: readonly string[]): readonly string[] {
  return findReferences(name, lines.join("\n")).map(({ key, unit }) => `${key} ${unit}`);
}

describe("findReferences", () => {
  test("names the units of every dependency once a key", () => {
    expect(
      named("a.service", "[Unit]", "Wants=b.service c.service", "After=b.service", "Wants=b.service"),
    ).toEqual(["Wants b.service", "Wants c.service", "After b.service"]);
  });

  test("names what a timer, a path and a socket start", () => {
    expect(named("a.timer", "[Timer]", "Unit=b.service")).toEqual(["Unit b.service"]);
    expect(named("a.path", "[Path]", "Unit=b.service")).toEqual(["Unit b.service"]);
    expect(named("a.socket", "[Socket]", "Service=b.service")).toEqual(["Service b.service"]);
    expect(named("a.service", "[Service]", "Sockets=b.socket")).toEqual(["Sockets b.socket"]);
  });

  test("names the template that a socket makes services from", () => {
    expect(named("a.socket", "[Socket]", "Accept=yes")).toEqual(["Accept a@.service"]);
    expect(named("a.socket", "[Socket]", "Accept=no")).toEqual([]);
  });

  test("expands the instance", () => {
    expect(named("a@7.service", "[Unit]", "Wants=db@%i.service")).toEqual(["Wants db@7.service"]);
  });

  test("leaves out the unit itself, names that are none, and what every machine has", () => {
    const lines = [
      "[Unit]",
      "After=a.service network.target nonsense data.mount systemd-journald.service %z.service",
    ];
    expect(named("a.service", ...lines)).toEqual([]);
  });

  test("leaves out [Install], which names who wants the unit", () => {
    expect(named("a.service", "[Install]", "WantedBy=b.target")).toEqual([]);
  });

  test("points at the name", () => {
    expect(findReferences("a.service", "[Unit]\nWants=b.service \\\n  c.service\n")).toMatchObject([
      { unit: "b.service", place: { line: 2, column: 7 } },
      { unit: "c.service", place: { line: 3, column: 3 } },
    ]);
  });

  test("finds nothing for a name that is none", () => {
    expect(findReferences("a", "[Unit]\nWants=b.service")).toEqual([]);
  });
});

describe("isSpecialUnit", () => {
  test.each([
    "multi-user.target",
    "network-online.target",
    "-.slice",
    "dev-sda1.device",
    "blockdev@x.target",
    "dbus.socket",
  ])("%s is there on every machine", (unit) => expect(isSpecialUnit(unit)).toBe(true));
  test.each(["web.target", "web.service", "network.service", "db@1.service"])("%s is not", (unit) =>
    expect(isSpecialUnit(unit)).toBe(false),
  );
});
