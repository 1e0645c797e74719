import { expect, test } from "vitest";
import { parseUnitFile } from "#unit/unit-file.ts";
import { describeNotApplied, keysNotApplied } from "./not-applied.ts";

test("keys that only systemd applies are told once each, in the file's order", () => {
  const file = parseUnitFile(
    [
      "[Unit]\nDescription=x\nJobTimeoutRebootArgument=x",
      "[Service]\nExecStart=/bin/x\nUtmpIdentifier=yes\nUser=daemon\nAppArmorProfile=x\nUtmpIdentifier=no\nPAMName=",
      "[Install]\nAlias=y.service",
      "[X-Fleet]\nGlobal=true",
    ].join("\n"),
  );
  expect(keysNotApplied(file)).toEqual(["JobTimeoutRebootArgument", "UtmpIdentifier", "AppArmorProfile"]);
});

test.each([
  ["StandardOutput=journal+console", ["StandardOutput"]],
  ["StandardOutput=kmsg", ["StandardOutput"]],
  ["StandardInput=tty-force\nStandardError=journal", ["StandardInput"]],
  ["StandardOutput=append:/dev/ttyS0", []],
  ["CPUAffinity=numa", ["CPUAffinity"]],
  ["CPUAffinity=0", []],
])("a value that asks for what is not to be had is told: %j", (lines, expected) => {
  expect(keysNotApplied(parseUnitFile(`[Service]\n${lines}\n`))).toEqual(expected);
});

test("an action is told of, unless it is none", () => {
  for (const key of ["FailureAction", "SuccessAction", "StartLimitAction", "JobTimeoutAction"]) {
    expect(keysNotApplied(parseUnitFile(`[Unit]\n${key}=reboot\n`))).toEqual([key]);
    expect(keysNotApplied(parseUnitFile(`[Unit]\n${key}=none\n`))).toEqual([]);
  }
});

test("a key that nobody knows is the verifier's affair", () => {
  expect(keysNotApplied(parseUnitFile("[Service]\nNoSuchKey=1\n[Nowhere]\nX=1\n"))).toEqual([]);
});

test("the sentence names every key, and there is none when nothing is left out", () => {
  expect(describeNotApplied([])).toBeUndefined();
  expect(describeNotApplied(["A"])).toMatch(/^A= is not applied/);
  expect(describeNotApplied(["A", "B"])).toMatch(/^A=, B= are not applied/);
});
