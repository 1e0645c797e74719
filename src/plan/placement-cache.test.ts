import { expect, test } from "vitest";
import { createPlacementCache } from "#plan/placement-cache.ts";
import { ANYWHERE } from "#unit/placement.ts";

/** A cache whose reader lists what it was asked to read. */
function counted(limit?: number): { asked: string[]; cache: ReturnType<typeof createPlacementCache> } {
  const asked: string[] = [];
  const read = (unit: string, text: string): typeof ANYWHERE | undefined => {
    asked.push(`${unit} ${text}`);
    return text === "broken" ? undefined : ANYWHERE;
  };
  return { asked, cache: createPlacementCache(read, limit) };
}

const FILES = new Map([
  ["1", "one"],
  ["2", "two"],
  ["3", "broken"],
]);

test("a file is read once for each unit, since specifiers differ", () => {
  const { asked, cache } = counted();
  for (const unit of ["x.service", "y.service", "x.service"]) cache.placementOf(FILES, unit, "1");
  expect(asked).toEqual(["x.service one", "y.service one"]);
});

test("a file that cannot be read is not read again", () => {
  const { asked, cache } = counted();
  expect(cache.placementOf(FILES, "x.service", "3")).toBeUndefined();
  expect(cache.placementOf(FILES, "x.service", "3")).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test("a file that is missing is looked for again", () => {
  const { cache } = counted();
  expect(cache.placementOf(new Map(), "x.service", "1")).toBeUndefined();
  expect(cache.placementOf(FILES, "x.service", "1")).toBe(ANYWHERE);
});

test("the oldest entry gives way at the limit", () => {
  const { asked, cache } = counted(2);
  for (const unit of ["a.service", "b.service", "c.service", "c.service", "b.service", "a.service"])
    cache.placementOf(FILES, unit, "2");
  expect(asked).toEqual(["a.service two", "b.service two", "c.service two", "a.service two"]);
});
