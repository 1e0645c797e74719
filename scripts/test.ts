/**
 * `npm test`: the checks of the source, every test, and a look that nothing is left running.
 *
 * Arguments are passed to vitest; with any of them only the tests they name are run. The last line is the count of
 * all of it. In CI a skipped test counts as failed, because nothing may be skipped there.
 */
import { mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Adopted, type Ended, runAdopted } from "./adopt.ts";
import { runChecks, type Tally, tallyLine } from "./checks.ts";
import { findLeftovers, observe } from "./leftovers.ts";

const root = dirname(import.meta.dirname);
const inCi = process.env.CI === "true";

/** A test that failed may have left something that the runner waits for; what it has to say has been said by then. */
const END_MS = 30_000;

async function runTests(args: readonly string[]): Promise<{ tests: Tally; left: readonly number[] }> {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-test-report-"));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const vitest = join(root, "node_modules", ".bin", "vitest");
  try {
    const runner = runAdopted([vitest, "run", ...reporters, ...args], process.env, root);
    const { status, left } = await endOf(runner, folder);
    return { tests: readReport(report, status === 0), left };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param folder the report comes here, which is the last that the runner does. */
async function endOf(runner: Adopted, folder: string): Promise<Ended> {
  let late: NodeJS.Timeout | undefined;
  const watcher = watch(folder, () => {
    late ??= setTimeout(() => {
      console.log("FAILED  the tests have ended, their runner has not: something is left that it waits for");
      runner.kill();
    }, END_MS);
  });
  try {
    return await runner.ended;
  } finally {
    watcher.close();
    clearTimeout(late);
  }
}

/** A file that cannot even be loaded has no tests to count, so a run that failed has failed at least once. */
function readReport(path: string, succeeded: boolean): Tally {
  const text = JSON.parse(readFileSync(path, "utf8")) as Record<string, number>;
  const count = (key: string): number => text[key] ?? 0;
  const failed = count("numFailedTests");
  return {
    passed: count("numPassedTests"),
    failed: succeeded ? failed : Math.max(1, failed),
    skipped: count("numPendingTests") + count("numTodoTests"),
  };
}

function checkLeftovers(before: ReadonlySet<string>, left: readonly number[]): Tally {
  const leftovers = findLeftovers(before, observe(), left);
  console.log(`${leftovers.length === 0 ? "ok    " : "FAILED"}  nothing is left running`);
  for (const leftover of leftovers) console.log(`  ${leftover}`);
  return { passed: leftovers.length === 0 ? 1 : 0, failed: leftovers.length === 0 ? 0 : 1, skipped: 0 };
}

function sum(tallies: readonly Tally[]): Tally {
  const total = (key: keyof Tally): number => tallies.reduce((all, tally) => all + tally[key], 0);
  const skipped = total("skipped");
  return { passed: total("passed"), failed: total("failed") + (inCi ? skipped : 0), skipped };
}

const args = process.argv.slice(2);
const checks = args.length === 0 ? [runChecks()] : [];
const before = observe();
const { tests, left } = await runTests(args);
const total = sum([...checks, tests, checkLeftovers(before, left)]);
console.log(tallyLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
