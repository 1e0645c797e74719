/**
 * A process that writes to an embedded store as fast as it can until it is killed, and tells of each write that was
 * acknowledged, on a line of its own: key and revision. Run by the durability tests with a directory and a round.
 */
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { toBytes } from "#store/keys.ts";

const WRITERS = 16;

const [directory = "", round = ""] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });

async function writeOn(writer: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const key = `${round}/${writer}/${count}`;
    const { header } = await store.put({ key: toBytes(key), value: toBytes(key.repeat(20)) });
    // Writing to a pipe is synchronous: what was said has left this process.
    process.stdout.write(`${key} ${header.revision}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeOn(writer)));
