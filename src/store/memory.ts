/** The fake of {@link Store}: the whole store but its durability. Under a virtual clock it is deterministic. */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { LocalStore } from "./local-store.ts";
import { MvccStore } from "./mvcc/mvcc-store.ts";

export function createMemoryStore(options: { readonly clock: Clock; readonly random: Random }): LocalStore {
  return new MvccStore({ clock: options.clock, random: options.random });
}
