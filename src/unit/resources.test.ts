import { describe, expect, test } from "vitest";
import { type DeviceRules, readResources } from "./resources.ts";
import { SectionReader } from "./section-reader.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const SANDBOX = { privateDevices: false, protectClock: false };

function rules(lines: string, sandbox: Partial<typeof SANDBOX> = {}): DeviceRules | undefined {
  const file = parseUnitFile(`[Service]\n${lines.replaceAll("; ", "\n")}\n`);
  const section = new SectionReader(file, "Service", specifierContext("a.service"));
  return readResources(section, { ...SANDBOX, ...sandbox }).deviceRules;
}

const NULL = { device: "/dev/null", rights: "rw" };

describe("devices", () => {
  test.each([
    ["Nice=1"],
    ["DevicePolicy=auto"],
    ["DeviceAllow=/dev/null rw; DeviceAllow="],
    ["DevicePolicy=strict; DevicePolicy=auto"],
  ])("are all free with %s", (lines) => {
    expect(rules(lines)).toBeUndefined();
  });

  test.each<[string, DeviceRules]>([
    ["DevicePolicy=closed", { standard: true, allow: [], isImplied: false }],
    ["DevicePolicy=strict", { standard: false, allow: [], isImplied: false }],
    ["DeviceAllow=/dev/null rw", { standard: true, allow: [NULL], isImplied: false }],
    ["DevicePolicy=strict; DeviceAllow=/dev/null rw", { standard: false, allow: [NULL], isImplied: false }],
    [
      "DeviceAllow=/dev/null rw; DeviceAllow=; DeviceAllow=char-pts",
      { standard: true, allow: [{ device: "char-pts", rights: "" }], isImplied: false },
    ],
  ])("are few with %s", (lines, expected) => {
    expect(rules(lines)).toEqual(expected);
  });

  test("are the standard ones where they are private", () => {
    expect(rules("", { privateDevices: true })).toEqual({ standard: true, allow: [], isImplied: true });
  });

  test("are the standard ones and the clock's where that is protected", () => {
    const allow = [{ device: "char-rtc", rights: "r" }];
    expect(rules("", { protectClock: true })).toEqual({ standard: true, allow, isImplied: true });
    expect(rules("DevicePolicy=strict", { protectClock: true })).toEqual({
      standard: false,
      allow,
      isImplied: false,
    });
  });
});
