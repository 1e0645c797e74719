import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedMap } from "./sorted-map.ts";

type Change = readonly ["set" | "delete", string];

/** What the map must be like: the plainest thing that can be right. */
function sortedKeys(changes: readonly Change[]): string[] {
  const keys = new Set<string>();
  for (const [kind, key] of changes) {
    if (kind === "set") keys.add(key);
    else keys.delete(key);
  }
  return [...keys].sort((a, b) => (a < b ? -1 : 1));
}

function mapAfter(changes: readonly Change[]): SortedMap<string> {
  const map = new SortedMap<string>();
  for (const [kind, key] of changes) {
    if (kind === "set") map.set(key, `value of ${key}`);
    else map.delete(key);
  }
  return map;
}

function valuesOf<T>(map: SortedMap<T>, from = "", to?: string): T[] {
  return [...map.pieces(from, to)].flatMap(({ values }) => values);
}

const key = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "\0", "\u00ff") });
const change: fc.Arbitrary<Change> = fc.tuple(fc.constantFrom("set", "set", "delete"), key);

test("any range holds the keys that are there, in order", () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 200 }),
      key,
      fc.option(key, { nil: undefined }),
      (changes, from, to) => {
        const expected = sortedKeys(changes).filter((one) => one >= from && (to === undefined || one < to));
        expect(valuesOf(mapAfter(changes), from, to)).toEqual(expected.map((one) => `value of ${one}`));
      },
    ),
  );
});

test("lookups and the size agree with what was set and deleted", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), key, (changes, sought) => {
      const map = mapAfter(changes);
      const keys = sortedKeys(changes);
      expect(map.size).toBe(keys.length);
      expect(map.get(sought)).toBe(keys.includes(sought) ? `value of ${sought}` : undefined);
    }),
  );
});

test.each([
  ["ascending", (at: number) => at],
  ["descending", (at: number) => -at],
  ["scattered", (at: number) => (at * 7919) % 5_003],
])("many %s keys are kept over many blocks, and all can go again", (_, order) => {
  const keys = Array.from({ length: 5_000 }, (__, at) => String(100_000 + order(at)));
  const map = new SortedMap<string>();
  for (const one of keys) map.set(one, one);
  expect(valuesOf(map)).toEqual([...new Set(keys)].sort());
  expect(keys.filter((one) => map.get(one) !== one)).toEqual([]);
  for (const one of keys) map.delete(one);
  expect([map.size, valuesOf(map), map.delete("100000")]).toEqual([0, [], false]);
});

test("a map of many blocks agrees with a plain one, whichever keys are set, looked up and deleted one after the other", () => {
  const number = fc.integer({ min: 0, max: 1_000 });
  const run = fc.record({ kind: fc.constantFrom("set", "delete", "get"), from: number, length: number });
  fc.assert(
    fc.property(fc.array(run, { minLength: 3, maxLength: 12 }), fc.boolean(), (runs, isPadded) => {
      const nameOf = (at: number): string => `key/${isPadded ? String(at).padStart(5, "0") : at}`;
      const [map, plain] = [new SortedMap<number>(), new Map<string, number>()];
      for (const { kind, from, length } of runs) {
        for (let at = from; at < from + length; at += 1) {
          const name = nameOf(at);
          if (kind === "set") {
            map.set(name, at);
            plain.set(name, at);
          } else if (kind === "delete") expect(map.delete(name)).toBe(plain.delete(name));
          else expect(map.get(name)).toBe(plain.get(name));
        }
      }
      expect(map.size).toBe(plain.size);
      expect(valuesOf(map)).toEqual([...plain.keys()].sort().map((name) => plain.get(name)));
    }),
    { numRuns: 30 },
  );
});
