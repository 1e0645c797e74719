/** Unit files as the world writes them: nothing of them is lost, and the verdict is systemd's. */
import { beforeAll, expect, test } from "vitest";
import { parseUnitFile } from "#unit/unit-file.ts";
import { type ShippedFile, shippedByDebian } from "./debian.ts";
import { differences } from "./differences.ts";

let files: readonly ShippedFile[] = [];

beforeAll(async () => {
  files = await shippedByDebian();
}, 180_000);

test("the set is a large one", () => {
  expect(new Set(files.map((file) => file.package)).size).toBeGreaterThanOrEqual(80);
  expect(files.length).toBeGreaterThanOrEqual(400);
});

test("every file is printed back to the byte", () => {
  const lost = files.filter(({ name, text }) => parseUnitFile(text, name).print() !== text);
  expect(lost.map(({ name }) => name)).toEqual([]);
});

test("every unit gets the verdict that systemd gives", () => {
  // A name may be shipped for the system and for users; each is verified in turn.
  const units = files.filter(({ name }) => !name.endsWith(".conf"));
  const rounds: Map<string, string>[] = [];
  for (const { name, text } of units) {
    const round = rounds.find((names) => !names.has(name)) ?? new Map<string, string>();
    if (round.size === 0) rounds.push(round);
    round.set(name, text);
  }
  expect(rounds.flatMap((round) => differences(round))).toEqual([]);
}, 180_000);
