import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Holds } from "./holds.ts";

const UNIT = "db.service";
let directory: string;
let nowMs: number;
const clock = { boottime: () => nowMs };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-holds-"));
  nowMs = 10_000;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (): Holds => new Holds(directory, clock);
const fileOf = (place: string): string => join(directory, place, UNIT);
const textIn = (place: string): string | undefined =>
  existsSync(fileOf(place)) ? readFileSync(fileOf(place), "utf8") : undefined;
/** As the fence does when the time has come. */
const pass = (): void => renameSync(fileOf("held"), fileOf("passed"));

test("a hold is a file that systemd takes the token from", () => {
  open().set(UNIT, { untilMs: 15_000.7, token: "42" }, true);
  expect(textIn("held")).toBe("# until 15000\nFLOTILLA_FENCING_TOKEN=42\n");
});

test("what is put off is put off in place of what was said before", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 15_000, token: "42" }, true);
  holds.set(UNIT, { untilMs: 20_000, token: "43" }, true);
  expect([holds.until(UNIT), textIn("held")]).toEqual([20_000, "# until 20000\nFLOTILLA_FENCING_TOKEN=43\n"]);
});

test("it has passed when its time has come", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 15_000, token: "42" }, true);
  expect(holds.hasPassed(UNIT)).toBe(false);
  nowMs = 15_000;
  expect(holds.hasPassed(UNIT)).toBe(true);
});

test("one without a lease is over at once, and its file says so", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: Number.NEGATIVE_INFINITY, token: "0" }, true);
  expect([holds.hasPassed(UNIT), textIn("held")]).toEqual([true, "# until 0\nFLOTILLA_FENCING_TOKEN=0\n"]);
});

test("one that is over lets nothing be started even before the fence has seen it, unless there is something to kill", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 0, token: "0" }, false);
  expect([textIn("held"), textIn("passed")]).toEqual([undefined, expect.stringContaining("# until 0")]);
  holds.set(UNIT, { untilMs: 0, token: "0" }, true);
  expect([textIn("held"), textIn("passed")]).toEqual([expect.stringContaining("# until 0"), undefined]);
});

test("one that has passed is put off again", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 11_000, token: "42" }, true);
  pass();
  holds.set(UNIT, { untilMs: 20_000, token: "43" }, false);
  expect([textIn("held"), textIn("passed")]).toEqual([
    "# until 20000\nFLOTILLA_FENCING_TOKEN=43\n",
    undefined,
  ]);
});

test("a unit that is not held any more runs for as long as it likes, also for the next daemon", () => {
  const holds = open();
  holds.set(UNIT, undefined, true);
  expect(textIn("held")).toBe(undefined);
  holds.set(UNIT, { untilMs: 15_000, token: "42" }, true);
  holds.set(UNIT, undefined, true);
  expect([holds.until(UNIT), textIn("held")]).toEqual([undefined, "# until never\n"]);
  expect(open().units).toEqual([]);
});

test.each(["held", "passed"])("the next daemon knows what is %s", (place) => {
  open().set(UNIT, { untilMs: 15_000, token: "42" }, true);
  if (place === "passed") pass();
  expect([open().units, open().until(UNIT)]).toEqual([[UNIT], 15_000]);
});

test("which run was killed is what the fence has written, until that is forgotten", () => {
  const holds = open();
  expect(holds.killedRun(UNIT)).toBe(undefined);
  writeFileSync(fileOf("killed"), "ab12");
  expect(holds.killedRun(UNIT)).toBe("ab12");
  holds.forgetKilled(UNIT);
  expect(holds.killedRun(UNIT)).toBe(undefined);
});

test("of a unit that is forgotten nothing is left", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 11_000, token: "42" }, true);
  pass();
  writeFileSync(fileOf("killed"), "ab12");
  holds.forget(UNIT);
  expect(["held", "passed", "killed"].map(textIn)).toEqual([undefined, undefined, undefined]);
  expect(holds.until(UNIT)).toBe(undefined);
});

test("what cannot be written is not believed: the time that was said before holds", () => {
  const holds = open();
  holds.set(UNIT, { untilMs: 15_000, token: "42" }, true);
  rmSync(directory, { recursive: true });
  expect(() => holds.set(UNIT, { untilMs: 20_000, token: "42" }, true)).toThrow("ENOENT");
  expect(holds.until(UNIT)).toBe(15_000);
});
