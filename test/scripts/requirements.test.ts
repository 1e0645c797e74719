import { expect, test } from "vitest";
import { installedMatchesLock, missingPackages, taskNeeds } from "../../scripts/requirements.mjs";

test("starting needs nothing of Debian's but Perl", () => {
  expect(taskNeeds("start").map((need) => need.package)).toEqual(["perl-base"]);
});

test("testing needs etcd's client and server, and says what for", () => {
  const needs = taskNeeds("test");
  expect(needs.map((need) => need.command)).toEqual(
    expect.arrayContaining(["etcdctl", "etcd", "ip", "perl"]),
  );
  expect(needs.every((need) => need.why.length > 0)).toBe(true);
});

test("a task nobody knows needs nothing", () => {
  expect(taskNeeds("no-such-task")).toEqual([]);
});

test("only what is not there is missing, and each package once", () => {
  const need = (command: string, name: string): ReturnType<typeof taskNeeds>[number] => ({
    command,
    package: name,
    tasks: [],
    why: "",
  });
  const needs = [need("a", "one"), need("b", "one"), need("c", "two"), need("d", "three")];
  const missing = missingPackages(needs, (command) => command === "c");
  expect(missing.map((one) => one.package)).toEqual(["one", "three"]);
});

const entry = { version: "1.0.0", integrity: "sha512-x" };

/** What the lock file asks for, what npm has installed, and whether that is the same. */
test.each([
  ["the same", { "": {}, "node_modules/a": entry }, { "node_modules/a": entry }, true],
  [
    "another version",
    { "node_modules/a": entry },
    { "node_modules/a": { ...entry, version: "1.0.1" } },
    false,
  ],
  [
    "other bytes",
    { "node_modules/a": entry },
    { "node_modules/a": { ...entry, integrity: "sha512-y" } },
    false,
  ],
  ["one missing", { "node_modules/a": entry, "node_modules/b": entry }, { "node_modules/a": entry }, false],
  ["one too many", {}, { "node_modules/a": entry }, false],
  ["another platform's missing", { "node_modules/a": { ...entry, optional: true } }, {}, true],
])("installed packages: %s", (_, lock, installed, same) => {
  expect(installedMatchesLock({ packages: lock }, { packages: installed })).toBe(same);
});
