import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeOrdered } from "./merge.ts";

const numbers = (a: number, b: number): number => a - b;

test("the merged sequence has every item, in order", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.nat(50)).map((items) => items.sort(numbers)),
        { maxLength: 12 },
      ),
      (sources) => {
        const merged = [
          ...mergeOrdered(
            sources.map((items) => items.values()),
            numbers,
          ),
        ];
        expect(merged).toEqual(sources.flat().sort(numbers));
      },
    ),
  );
});

test("of equal items those of the first source come first, and each source keeps its order", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.nat(3)).map((items) => items.sort(numbers)),
        { maxLength: 8 },
      ),
      (sources) => {
        const marked = sources.map((items, rank) => items.map((item, place) => ({ item, rank, place })));
        const merged = [
          ...mergeOrdered(
            marked.map((items) => items.values()),
            (a, b) => a.item - b.item,
          ),
        ];
        const sorted = marked.flat().sort((a, b) => a.item - b.item || a.rank - b.rank || a.place - b.place);
        expect(merged).toEqual(sorted);
      },
    ),
  );
});

test("no source is read further ahead than one item", () => {
  let read = 0;
  function* endless(): Generator<number, void> {
    for (;;) yield read++;
  }
  const merged = mergeOrdered([endless()], numbers);
  expect([merged.next().value, merged.next().value]).toEqual([0, 1]);
  expect(read).toBe(2);
});
