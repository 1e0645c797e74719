/** Drawing from lists by an injected source of chance. */
import { type Random, randomInteger } from "#base/random.ts";

/** One of the items. @throws RangeError when there are none */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[randomInteger(random, 0, items.length - 1)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}
