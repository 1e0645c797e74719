/** Which drop-ins a unit has, and in which order they apply, against systemd 252, which complains of each in turn. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { listUnitDirectory } from "#cli/units/unit-directory.ts";
import { dropInDirectories } from "#unit/drop-ins.ts";
import { parseUnitName } from "#unit/name.ts";
import { findUnitParts } from "#unit/search-path.ts";

const UNITS = [
  "web.service",
  "foo-bar-baz@x-y.service",
  "foo--b-.service",
  "a-b-c.timer",
  "foo@b-c.service",
  "t-u@.service",
];

/** Directories that might hold drop-ins of a unit, some of which do not. */
function candidates(unit: string): readonly string[] {
  const { prefix, suffix } = parseUnitName(unit);
  const others = [
    `${prefix}x.${suffix}.d`,
    `${prefix.slice(0, -1)}.${suffix}.d`,
    `-.${suffix}.d`,
    "target.d",
  ];
  return [...new Set([...dropInDirectories(unit), ...others, `${suffix}.d`])];
}

/** One name in every directory, one in each other, and one of its own, each with a key that nobody knows. */
function fill(root: string, unit: string): readonly string[] {
  const paths = ["etc", "run", "lib"].map((name) => join(root, name));
  for (const [at, path] of paths.entries()) {
    for (const [index, directory] of candidates(unit).entries()) {
      const names = ["50-all.conf", `${(index * 7 + at * 3) % 10}0-own-${at}-${index}.conf`];
      if ((index + at) % 2 === 0) names.push("60-half.conf");
      for (const name of names) write(join(path, directory, name), `[Unit]\nMark=1\n`);
    }
  }
  write(
    join(root, "etc", unit),
    unit.endsWith(".timer") ? "[Timer]\nOnBootSec=1\n" : "[Service]\nExecStart=/bin/true\n",
  );
  return paths;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The drop-ins in the order in which systemd reads them. It puts the folder of the file before the others: the first one is. */
function systemdDropIns(unit: string, paths: readonly string[]): readonly string[] {
  const { stdout, stderr, error } = spawnSync(
    "systemd-analyze",
    ["verify", "--man=no", join(paths[0] ?? "", unit)],
    {
      encoding: "utf8",
      env: { ...process.env, SYSTEMD_UNIT_PATH: paths.join(":") },
    },
  );
  if (error !== undefined) throw error;
  return [...`${stdout}${stderr}`.matchAll(/^(.*\.conf):2: Unknown key 'Mark'/gm)].map(
    ([, path = ""]) => path,
  );
}

test.each(UNITS)("the drop-ins of %s are those that systemd reads, in its order", async (unit) => {
  const root = mkdtempSync(join(tmpdir(), "flotilla-drop-ins-"));
  try {
    const paths = fill(root, unit);
    const instance = unit.replace("@.", "@test_instance.");
    const directories = await Promise.all(paths.map(listUnitDirectory));
    const { dropIns } = findUnitParts(
      instance,
      directories.flatMap((directory) => directory ?? []),
    );
    expect(dropIns.length).toBeGreaterThan(3);
    expect(dropIns).toEqual(systemdDropIns(unit, paths));
  } finally {
    rmSync(root, { recursive: true });
  }
});
