import { expect, test } from "vitest";
import { HeldBytes } from "./held-bytes.ts";

test("requests may hold so much together, and what one lets go another may hold", () => {
  const held = new HeldBytes(100);
  const [one, two] = [held.share(), held.share()];
  one.set(60);
  expect(() => two.set(50)).toThrow("etcdserver: too many requests");
  expect(held.bytes).toBe(60);
  one.set(40);
  two.set(60);
  one.set(0);
  one.set(0);
  two.set(70);
  expect(held.bytes).toBe(70);
});
