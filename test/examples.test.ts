/** The examples are what a newcomer reads first: each must be right, explained and brought up by `npm start`. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { verifyText } from "#api/check-unit.ts";
import { fileOf, readUnitList } from "#dev/unit-list.ts";
import { lintUnit } from "#unit/lint.ts";

const folder = join(dirname(import.meta.dirname), "examples");
const units = readdirSync(folder).filter((name) => /\.(service|socket|path|timer|target)$/.test(name));
const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");

test("there are examples", () => {
  expect(units.length).toBeGreaterThan(8);
});

describe.each(units)("%s", (unit) => {
  test("is a unit file without a fault", () => {
    expect(verifyText(unit, textOf(unit))).toEqual({ errors: [], warnings: [] });
  });

  test("walks into no trap", () => {
    expect(lintUnit(unit, textOf(unit))).toEqual([]);
  });

  test("begins with what it shows", () => {
    expect(textOf(unit)).toMatch(/^# Shows: /);
  });

  test("is in the table of the README", () => {
    expect(textOf("README.md")).toContain(`[${unit}](${unit})`);
  });

  test("is brought up by npm start", async () => {
    const { submit, load, start } = await readUnitList(join(folder, "cluster.json"));
    expect([...submit, ...load, ...start].map((one) => fileOf(one.unit))).toContain(unit);
  });
});

const dropIns = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.d\/.*\.conf$/.test(name),
);

test.each(dropIns)("the drop-in %s is of a unit that is here, is explained and without a fault", (dropIn) => {
  const unit = dirname(dropIn).replace(/\.d$/, "");
  expect(units).toContain(unit);
  expect(textOf(dropIn)).toMatch(/^# Shows: /);
  expect(verifyText(unit, `${textOf(unit)}\n${textOf(dropIn)}`)).toEqual({ errors: [], warnings: [] });
  expect(textOf("README.md")).toContain(`](${dropIn})`);
});
