import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { privateTmpIn, privateTmpOf, sweepPrivateTmp } from "./private-tmp.ts";

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
