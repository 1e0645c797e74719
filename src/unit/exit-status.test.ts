import { expect, test } from "vitest";
import { exitCodeName, exitCodeOf } from "./exit-status.ts";

test.each([
  [0, "SUCCESS"],
  [1, "FAILURE"],
  [2, "INVALIDARGUMENT"],
  [7, "NOTRUNNING"],
  [64, "USAGE"],
  [75, "TEMPFAIL"],
  [78, "CONFIG"],
  [200, "CHDIR"],
  [203, "EXEC"],
  [205, "LIMITS"],
  [209, "STDOUT"],
  [217, "USER"],
  [224, "PAM"],
  [226, "NAMESPACE"],
  [233, "RUNTIME_DIRECTORY"],
  [235, "CHOWN"],
  [241, "CONFIGURATION_DIRECTORY"],
  [243, "CREDENTIALS"],
  [245, "BPF"],
  [255, "EXCEPTION"],
])("code %i is %s, both ways", (code, name) => {
  expect(exitCodeName(code)).toBe(name);
  expect(exitCodeOf(name)).toBe(code);
});

test.each([8, 63, 79, 143, 199, 223, 234, 244, 246, 254])("code %i has no name", (code) => {
  expect(exitCodeName(code)).toBeUndefined();
});

test("a hole in the numbers is not a name", () => {
  expect(exitCodeOf("-")).toBeUndefined();
});
