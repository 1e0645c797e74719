/**
 * A process that writes to a store until the system refuses it, with a limit on the length of files that its starter has
 * set; then it tries again and reads. Tells as JSON what was acknowledged and how it was refused.
 */
import { contentOf, openStore, write } from "./directories.ts";

// By default the signal that comes with the refusal would end the process.
process.on("SIGXFSZ", () => undefined);
const store = await openStore(process.argv[2] ?? "");
const acknowledged: string[] = [];

async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const first = await refusalOf(async () => {
  for (let count = 0; count < 1_000; count += 1) {
    await write(store, `k${1_000 + count}`, "v".repeat(100));
    acknowledged.push(`k${1_000 + count}=${"v".repeat(100)}`);
  }
});
const second = await refusalOf(() => write(store, "small"));
const readable = (await contentOf(store)).length;
process.stdout.write(JSON.stringify({ acknowledged, first, second, readable }));
process.exit(0);
