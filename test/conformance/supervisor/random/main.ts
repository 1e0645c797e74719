/** The long run: `node test/conformance/supervisor/random/main.ts [COUNT] [SEED]`. */
import { differAtRandom } from "./differ.ts";

const [count = "200", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
process.stdout.write(`${count} services and ${count} graphs, seed ${seed}\n`);
const found = await differAtRandom(Number(count), Number(seed));
for (const text of found) process.stdout.write(`${text}\n${"=".repeat(80)}\n`);
process.stdout.write(`${found.length} differ\n`);
process.exitCode = found.length === 0 ? 0 : 1;
