import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const COMMANDS = ["start", "stop", "status", "submit", "list-units", "destroy"];

test.each([
  ["strat", "start", "swapped neighbours are one mistake"],
  ["sotp", "stop", "swapped at another place"],
  ["statu", "status", "a letter is missing"],
  ["list-unit", "list-units", "the plural is missing"],
  ["DESTROY", "destroy", "case does not count"],
])("%s stands for %s: %s", (word, meant) => {
  expect(nearest(word, COMMANDS)).toBe(meant);
});

test.each(["x", "", "completely-different", "frobnicate"])("%j stands for nothing known", (word) => {
  expect(nearest(word, COMMANDS)).toBeUndefined();
});

test("of equally near words the first wins", () => {
  expect(nearest("abc", ["abd", "abe"])).toBe("abd");
});
