/** The checks of the source that need no test runner: types, form, lint with the import directions, unused code. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);

interface Check {
  readonly name: string;
  readonly argv: readonly [tool: string, ...rest: string[]];
}

const CHECKS: readonly Check[] = [
  { name: "types (tsc)", argv: ["tsc", "-p", "."] },
  { name: "form (biome)", argv: ["biome", "check", "--error-on-warnings"] },
  { name: "lint, import directions (oxlint)", argv: ["oxlint", "-c", "oxlint.json", "--deny-warnings"] },
  { name: "unused code (knip)", argv: ["knip", "--no-progress"] },
  { name: "generated pages (npm run docs)", argv: ["node", "scripts/docs.ts", "--check"] },
];

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs every check, prints a line for each and the whole output of those that fail. */
export function runChecks(): Tally {
  const results = CHECKS.map(runCheck);
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed, skipped: 0 };
}

function runCheck({ name, argv: [tool, ...rest] }: Check): boolean {
  const startedMs = performance.now();
  const result = spawnSync(join(root, "node_modules", ".bin", tool), rest, { cwd: root, encoding: "utf8" });
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
  const passed = result.status === 0;
  console.log(`${passed ? "ok    " : "FAILED"}  ${name}  ${tookS} s`);
  if (!passed) console.log(result.error?.message ?? `${result.stdout}${result.stderr}`);
  return passed;
}

/** The closing line that tools read: how many passed and failed. */
export function tallyLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
