/** The long run: `node test/supervisor/kill-rounds/main.ts [ROUNDS] [SEED]`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killRounds } from "./kill-rounds.ts";

const [rounds = "200", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const keep = join(tmpdir(), `kill-rounds-${rounds}-${seed}`);
process.stdout.write(`${rounds} rounds, seed ${seed}; what is left of a faulty run goes to ${keep}\n`);
const faults = await killRounds(Number(rounds), Number(seed), keep);
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`${faults.length} faults\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
