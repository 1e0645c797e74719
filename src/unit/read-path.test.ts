import { expect, test } from "vitest";
import { readPath } from "./read-path.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

function read(lines: string, name = "job@1.path") {
  return readPath(parseUnitFile(`[Path]\n${lines}\n`), specifierContext(name));
}

test("systemd's defaults; what is started is the service of the same name", () => {
  expect(read("PathExists=/a/%i")).toEqual({
    settings: {
      specs: [{ kind: "PathExists", path: "/a/1" }],
      unit: "job@1.service",
      makeDirectory: false,
      directoryMode: 0o755,
      triggerLimit: { intervalMs: 2000, burst: 200 },
    },
    diagnostics: [],
  });
});

test("every setting; paths come in the order of their lines", () => {
  const { settings } = read(
    "DirectoryNotEmpty=/d\nPathModified=/m\nPathChanged=/c\nPathExistsGlob=/g*\nPathExists=/e\nUnit=o.target\n" +
      "MakeDirectory=yes\nDirectoryMode=0700\nTriggerLimitIntervalSec=5\nTriggerLimitBurst=3",
  );
  expect(settings).toEqual({
    specs: [
      { kind: "DirectoryNotEmpty", path: "/d" },
      { kind: "PathModified", path: "/m" },
      { kind: "PathChanged", path: "/c" },
      { kind: "PathExistsGlob", path: "/g*" },
      { kind: "PathExists", path: "/e" },
    ],
    unit: "o.target",
    makeDirectory: true,
    directoryMode: 0o700,
    triggerLimit: { intervalMs: 5000, burst: 3 },
  });
});

test("an empty line of one key forgets the paths of all keys", () => {
  const { settings } = read("PathExists=/a\nPathChanged=/b\nDirectoryNotEmpty=\nPathExists=/c");
  expect(settings?.specs).toEqual([{ kind: "PathExists", path: "/c" }]);
});

test("a unit without a path is refused, in systemd's words; a bad one is left out", () => {
  const { settings, diagnostics } = read("PathExists=a");
  expect(settings).toBeUndefined();
  expect(diagnostics.map(({ message }) => message)).toEqual([
    "Path unit lacks path setting. Refusing.",
    "PathExists= path is not absolute, ignoring: a",
  ]);
});
