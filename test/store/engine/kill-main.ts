/** `npm run store-kill -- [--rounds N]`: kills a store that writes N times, 300 unless given. Exit code 1 at the first loss. */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { makeDirectory } from "./directories.ts";
import { killRounds } from "./kill-rounds.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "300" } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new TypeError(`"${values.rounds}" is no number of rounds`);
const directory = makeDirectory();
const { acknowledged, revision } = await killRounds(directory, rounds, (round, sofar) => {
  if (round % 10 === 9)
    process.stdout.write(`${round + 1} rounds, ${sofar} acknowledged writes, none lost\n`);
});
rmSync(directory, { recursive: true });
process.stdout.write(
  `${rounds} rounds, ${acknowledged} acknowledged writes, revision ${revision}: nothing lost\n`,
);
