import { expect, test } from "vitest";
import { checkOwnDependencies, checkPairs } from "./check-unused.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { SectionReader } from "./section-reader.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const CONTEXT = specifierContext("web@1.service");

function told(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ severity, message, place }) => `${place.line} ${severity}: ${message}`);
}

function own(...lines: readonly string[]): readonly string[] {
  return told(checkOwnDependencies(parseUnitFile(["[Unit]", ...lines, ""].join("\n")), CONTEXT));
}

function pairs(...lines: readonly string[]): readonly string[] {
  const file = parseUnitFile(["[Service]", ...lines, ""].join("\n"));
  return told(checkPairs(file, new SectionReader(file, "Service", CONTEXT)));
}

test.each(["Conflicts", "Before", "After", "OnSuccess", "OnFailure"])(
  "%s= on the unit itself is told of, once",
  (key) => {
    expect(own(`${key}=db.service web@1.service`, `${key}=web@1.service`)).toEqual([
      `2 warning: Dependency ${key}=web@1.service is dropped.`,
    ]);
  },
);

test("the unit is found behind specifiers, too", () => {
  expect(own("After=%p@%i.service")).toEqual(["2 warning: Dependency After=web@1.service is dropped."]);
  expect(own("After=%n")).toEqual(["2 warning: Dependency After=web@1.service is dropped."]);
});

test("other dependencies on itself are dropped in silence, and those on others stay", () => {
  expect(own("Wants=web@1.service", "Requires=web@1.service")).toEqual([]);
  expect(own("After=web@2.service db.service", "Before=%p@2.service")).toEqual([]);
});

test("a time on top of RuntimeMaxSec= is nothing without it", () => {
  const line = "RuntimeRandomizedExtraSec=5s";
  const message =
    "2 warning: Service has RuntimeRandomizedExtraSec= setting, but no RuntimeMaxSec=. Ignoring.";
  expect(pairs(line)).toEqual([message]);
  expect(pairs(line, "RuntimeMaxSec=infinity")).toEqual([message]);
  expect(pairs(line, "RuntimeMaxSec=1min")).toEqual([]);
  expect(pairs("RuntimeRandomizedExtraSec=0")).toEqual([]);
});

test("USB functions have descriptors and strings, or neither", () => {
  expect(pairs("USBFunctionStrings=/a")).toEqual([
    "2 warning: Service has USBFunctionStrings= setting, but no USBFunctionDescriptors=. Ignoring.",
  ]);
  expect(pairs("USBFunctionDescriptors=/a")).toEqual([
    "2 warning: Service has USBFunctionDescriptors= setting, but no USBFunctionStrings=. Ignoring.",
  ]);
  expect(pairs("USBFunctionDescriptors=/a", "USBFunctionStrings=/b")).toEqual([]);
});
