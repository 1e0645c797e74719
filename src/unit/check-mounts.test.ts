import { describe, expect, test } from "vitest";
import { checkAutomount, checkMount, checkSwap } from "./check-mounts.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

function messages(check: typeof checkMount, name: string, text: string): readonly string[] {
  const { diagnostics } = check(parseUnitFile(text, name), specifierContext(name));
  return diagnostics.map(({ severity, message, place }) => `${place.line} ${severity}: ${message}`);
}

describe("a mount", () => {
  const mount = (name: string, ...lines: readonly string[]): readonly string[] =>
    messages(checkMount, name, ["[Mount]", ...lines, ""].join("\n"));

  test("has the name of where it is", () => {
    expect(mount("srv-data.mount", "What=/dev/sdb1", "Where=/srv/data")).toEqual([]);
    expect(mount("-.mount", "What=/dev/sda1", "Where=/")).toEqual([]);
    expect(mount("srv-a\\x2db.mount", "What=/dev/sdb1", "Where=/srv/a-b")).toEqual([]);
    expect(mount("data.mount", "What=/dev/sdb1", "Where=/srv/data")).toEqual([
      "1 error: Where= setting doesn't match unit name. Refusing.",
    ]);
  });

  test("may leave to its name where it is, but not what it is", () => {
    expect(mount("srv-data.mount", "What=/dev/sdb1")).toEqual([]);
    expect(mount("srv-data.mount", "Where=/srv/data")).toEqual([
      "1 error: What= setting is missing. Refusing.",
    ]);
  });

  test.each([
    ["proc.mount", "/proc"],
    ["sys-fs-cgroup.mount", "/sys/fs/cgroup"],
    ["sys-fs-cgroup-unified.mount", "/sys/fs/cgroup/unified"],
    ["dev-shm.mount", "/dev/shm"],
  ])("%s is of a file system that is mounted before", (name, where) => {
    expect(mount(name, "What=none", `Where=${where}`)).toEqual([
      `1 error: Cannot create mount unit for API file system ${where}. Refusing.`,
    ]);
  });

  test("is refused once: the first reason is enough", () => {
    expect(mount("a.mount", "Where=/proc")).toEqual([
      "1 error: Where= setting doesn't match unit name. Refusing.",
    ]);
  });
});

test.each([
  ["srv-data.automount", "/srv/data", []],
  ["data.automount", "/srv/data", ["1 error: Where= setting doesn't match unit name. Refusing."]],
  ["-.automount", "/", ["1 error: Cannot have an automount unit for the root directory. Refusing."]],
])("an automount %s of %s", (name, where, expected) => {
  expect(messages(checkAutomount, name, `[Automount]\nWhere=${where}\n`)).toEqual(expected);
});

test.each([
  ["dev-sdb2.swap", "/dev/sdb2", []],
  ["swapfile.swap", "/dev/sdb2", ["1 error: Value of What= and unit name do not match, not loading."]],
])("a swap %s of %s", (name, what, expected) => {
  expect(messages(checkSwap, name, `[Swap]\nWhat=${what}\n`)).toEqual(expected);
});
