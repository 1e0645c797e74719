/** A short run of what `npm run fuzz` does at length. */
import { expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { fuzzStore } from "./store-peers.ts";

test("a store that is sent anything lives, answers the next client, and keeps nothing", async () => {
  await expect(fuzzStore(seededRandom(4), 150)).resolves.toBeUndefined();
}, 60_000);
