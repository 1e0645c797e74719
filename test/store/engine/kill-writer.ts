/**
 * A process that writes to an embedded store as fast as it can until it is killed, and tells of each write that was
 * acknowledged, on a line of its own: key and revision. Its files are short and its past too, so that files are begun
 * and packed all the time. Arguments: a directory and a round.
 */
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { toBytes } from "#store/keys.ts";

const WRITERS = 16;
const FILE_BYTES = 64 * 1024;
const RETENTION = { periodMs: 300_000, revisionsMax: 200 };

const [directory = "", round = ""] = process.argv.slice(2);
const store = await openEmbeddedStore({
  directory,
  clock: systemClock,
  random: systemRandom,
  retention: RETENTION,
  fileBytes: FILE_BYTES,
});

async function writeOn(writer: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const key = `${round}/${writer}/${count}`;
    const { header } = await store.put({ key: toBytes(key), value: toBytes(key) });
    // Writing to a pipe is synchronous: what was said has left this process.
    process.stdout.write(`${key} ${header.revision}\n`);
    // What becomes garbage, for the packing.
    const passing = toBytes(`passing/${writer}`);
    await store.put({ key: passing, value: Buffer.alloc(1_000, "x") });
    if (count % 3 === 0) await store.deleteRange({ key: passing });
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeOn(writer)));
