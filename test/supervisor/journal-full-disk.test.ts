/** The journal on a disk that is full: a small file system of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { entries, entryWhere, service, TestMachine } from "./machine.ts";

const LINES = 5000;

/** Writes more than there is room for, says so by a file, and writes a word more as soon as another is there. */
const PROGRAM = `$$| = 1; print "line $$_ ", "x" x 100, "\\\\n" for 1 .. ${LINES}; open my $$done, ">", "$$ARGV[0].done"; select undef, undef, undef, 0.02 until -e "$$ARGV[0]"; print "after\\\\n"; sleep 1000`;

test("a full disk costs lines, which are counted, and never the unit", async () => {
  await using machine = new TestMachine({ journalLimits: { maxBytes: 2 ** 30 } });
  const journal = join(machine.directory, "journal");
  mkdirSync(journal, { recursive: true });
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", journal]).status).toBe(0);
  try {
    const filler = join(journal, "filler");
    writeFileSync(filler, Buffer.alloc(1700 * 1024));
    const go = join(machine.directory, "go");
    const supervisor = await machine.boot();
    await supervisor.load([service("a.service", `ExecStart=/usr/bin/perl -e '${PROGRAM}' ${go}`)]);
    expect(await supervisor.start("a.service")).toEqual({ result: "done" });
    await expect.poll(() => existsSync(`${go}.done`), { timeout: 10_000 }).toBe(true);
    expect(supervisor.status("a.service")).toMatchObject({ active: "active", sub: "running" });
    rmSync(filler);
    writeFileSync(go, "");
    await entryWhere(supervisor, "a.service", /^after$/);
    const told = await entries(supervisor, "a.service");
    const kept = told.filter(({ message }) => message.startsWith("line ")).length;
    const lost = told.flatMap(
      ({ message }) => /^(\d+) messages were lost: No space left/.exec(message)?.[1] ?? [],
    );
    expect(kept).toBeLessThan(LINES);
    expect(kept + lost.reduce((sum, count) => sum + Number(count), 0)).toBe(LINES);
    expect(await supervisor.stop("a.service")).toEqual({ result: "done" });
  } finally {
    await machine.cutPower();
    spawnSync("umount", [journal]);
  }
}, 60_000);
