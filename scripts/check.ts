/** `npm run check`: the checks of the source, without the tests. */
import { runChecks, tallyLine } from "./checks.ts";

const tally = runChecks();
console.log(tallyLine(tally));
process.exitCode = tally.failed === 0 ? 0 : 1;
