/** The key table against the list of keys that systemd 252 prints of itself. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Keys } from "#unit/key.ts";
import { SECTIONS } from "#unit/keys.ts";
import { REMOVED } from "#unit/values.ts";

/** `Section.Key` of everything that systemd lists. */
function listedBySystemd(): ReadonlySet<string> {
  const { stdout, error } = spawnSync("/usr/lib/systemd/systemd", ["--dump-configuration-items"], {
    encoding: "utf8",
  });
  if (error !== undefined)
    throw new Error("systemd 252 must be installed to be compared with", { cause: error });
  let section = "";
  const keys = new Set<string>();
  for (const line of stdout.split("\n")) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
    const key = /^(\w+)=/.exec(line)?.[1];
    if (key !== undefined) keys.add(`${section}.${key}`);
  }
  return keys;
}

/** Rows for what systemd 252 has; keys whose meaning was removed are still known, but no longer listed. */
function listedHere(): ReadonlySet<string> {
  const sections: readonly (readonly [string, Keys])[] = Object.entries(SECTIONS);
  return new Set(
    sections
      .filter(([section]) => !section.startsWith("X-"))
      .flatMap(([section, keys]) =>
        Object.entries(keys)
          .filter(([, row]) => (row.since ?? 0) <= 252 && row.notice !== REMOVED)
          .map(([key]) => `${section}.${key}`),
      ),
  );
}

test("no key of systemd 252 is missing, and none is here that it does not have", () => {
  const [theirs, ours] = [listedBySystemd(), listedHere()];
  expect(theirs.size).toBeGreaterThan(1000);
  expect([...theirs.difference(ours)]).toEqual([]);
  expect([...ours.difference(theirs)]).toEqual([]);
});
