import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  type PrivateTmp,
  passOnPrivateTmp,
  privateTmpIn,
  privateTmpOf,
  providePrivateTmp,
  sweepPrivateTmp,
} from "./private-tmp.ts";
import { removeTrees } from "./remove.ts";

const parent = mkdtempSync(join(tmpdir(), "flotilla-sweep-"));
afterAll(() => rmSync(parent, { recursive: true }));

test("what earlier boots have left is removed, and nothing else", () => {
  const [old, current] = ["b-1", "b-2"].map((boot) =>
    basename(privateTmpOf("a.service", boot, "0123456789").tmp),
  );
  for (const name of [old, current, "others"]) mkdirSync(join(parent, `${name}`, "tmp"), { recursive: true });
  sweepPrivateTmp("b-2", [parent]);
  expect(readdirSync(parent).sort()).toEqual([current, "others"]);
});

test("two runs of a unit have directories of their own", () => {
  const [first, second] = ["aaaaaaaa", "bbbbbbbb"].map((invocation) =>
    privateTmpOf("a.service", "b", invocation),
  );
  expect(first).not.toEqual(second);
  expect(first?.varTmp).toMatch(/^\/var\/tmp\/flotilla-private-b-a\.service-/);
});

test("what a process has for itself is found among its mounts, whatever its unit is called", () => {
  const { tmp, varTmp } = privateTmpOf("a\\x2db.service", "b-1", "0123456789");
  const mountinfo = [
    "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    `90 21 254:0 ${tmp.replaceAll("\\", "\\134")}/tmp /tmp rw,relatime - ext4 /dev/vda rw`,
    "91 21 0:24 / /dev/shm rw - tmpfs tmpfs rw",
  ].join("\n");
  expect(privateTmpIn(mountinfo)).toEqual([tmp, varTmp]);
  expect(privateTmpIn("")).toEqual([]);
});

describe("runs that share their directories", () => {
  const root = mkdtempSync(join(tmpdir(), "flotilla-shared-tmp-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const place = (unit: string): PrivateTmp => ({
    tmp: join(root, "tmp", basename(privateTmpOf(unit, "b", "01234567").tmp)),
    varTmp: join(root, "var", basename(privateTmpOf(unit, "b", "01234567").tmp)),
  });
  for (const name of ["tmp", "var"]) mkdirSync(join(root, name));
  const end = (unit: string): void => {
    expect(removeTrees(passOnPrivateTmp(place(unit)))).toEqual([]);
  };
  const isThere = (unit: string): boolean => existsSync(join(place(unit).tmp, "tmp", "file"));

  test("inherit them from one another, and leave nothing", () => {
    writeFileSync(join(providePrivateTmp(place("a.service")).tmp, "file"), "");
    for (const unit of ["b.service", "c.service"]) providePrivateTmp(place(unit), place("a.service"));
    expect(isThere("b.service")).toBe(true);
    end("a.service");
    expect([isThere("a.service"), isThere("b.service"), isThere("c.service")]).toEqual([false, true, true]);
    // Who joins one that has only joined finds the same.
    providePrivateTmp(place("d.service"), place("c.service"));
    for (const unit of ["b.service", "c.service"]) end(unit);
    expect(isThere("d.service")).toBe(true);
    end("d.service");
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
    expect(readdirSync(join(root, "var"))).toEqual([]);
  });

  test("have their own where the other's are gone, and keep what they have", () => {
    providePrivateTmp(place("b.service"), place("gone.service"));
    writeFileSync(join(place("b.service").tmp, "tmp", "file"), "");
    providePrivateTmp(place("a.service"));
    providePrivateTmp(place("b.service"), place("a.service"));
    expect(isThere("b.service")).toBe(true);
    end("b.service");
    end("a.service");
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
  });
});
