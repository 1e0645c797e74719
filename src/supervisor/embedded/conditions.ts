/** Condition…= and Assert…= of [Unit], tried on this machine (systemd.unit(5)). */
import { accessSync, constants, globSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { arch, availableParallelism, hostname, totalmem } from "node:os";
import type { Check, Condition } from "#unit/condition.ts";
import { matchGlob } from "#unit/glob.ts";

/** What this supervisor can check; a condition of another kind counts as met. */
const CHECKS: { readonly [C in Check]?: (argument: string) => boolean } = {
  PathExists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  PathExistsGlob: (pattern) => globSync(pattern).length > 0,
  PathIsDirectory: (path) => statSync(path).isDirectory(),
  PathIsSymbolicLink: (path) => lstatSync(path).isSymbolicLink(),
  PathIsMountPoint: (path) => statSync(path).dev !== statSync(`${path}/..`).dev,
  PathIsReadWrite: (path) => isAccessible(path, constants.W_OK),
  DirectoryNotEmpty: (path) => readdirSync(path).length > 0,
  FileNotEmpty: (path) => statSync(path).isFile() && statSync(path).size > 0,
  FileIsExecutable: (path) => statSync(path).isFile() && isAccessible(path, constants.X_OK),
  KernelCommandLine: hasKernelOption,
  Architecture: (name) => name === "native" || name === ARCHITECTURES[arch()],
  Host: (pattern) => matchGlob(pattern, hostname()),
  Memory: (expression) => compare(expression, totalmem()),
  CPUs: (expression) => compare(expression, availableParallelism()),
  Environment: hasVariable,
  User: (user) => user === String(process.getuid?.()) || (user === "root" && process.getuid?.() === 0),
};

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86-64", arm64: "arm64", riscv64: "riscv64" };

/** What keeps a unit from being started: the first condition that does not hold, or all of the triggering ones. */
export function unmetConditions(
  conditions: readonly Condition[],
  kind: Condition["kind"],
): readonly Condition[] | undefined {
  const own = conditions.filter((condition) => condition.kind === kind);
  const failed = own.find((condition) => !condition.triggering && !holds(condition));
  if (failed !== undefined) return [failed];
  const triggering = own.filter((condition) => condition.triggering);
  return triggering.length === 0 || triggering.some(holds) ? undefined : triggering;
}

/** In systemd's words, behind "was skipped because". */
export function describeUnmet(conditions: readonly Condition[]): string {
  const [only, ...others] = conditions;
  if (only === undefined || others.length > 0) return "no trigger condition checks were met";
  return `of an unmet condition check (${describeCondition(only)})`;
}

/** The condition as it stands in a unit file. */
function describeCondition({ kind, check, argument, negated, triggering }: Condition): string {
  const prefix = kind === "condition" ? "Condition" : "Assert";
  return `${prefix}${check}=${triggering ? "|" : ""}${negated ? "!" : ""}${argument}`;
}

function holds({ check, argument, negated }: Condition): boolean {
  const test = CHECKS[check];
  if (test === undefined) return true;
  return attempt(() => test(argument)) !== negated;
}

/** What cannot be looked at does not hold. */
function attempt(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return false;
  }
}

function isAccessible(path: string, mode: number): boolean {
  return attempt(() => {
    accessSync(path, mode);
    return true;
  });
}

function hasKernelOption(option: string): boolean {
  const options = readFileSync("/proc/cmdline", "utf8").trim().split(/\s+/);
  return options.some((one) => one === option || (!option.includes("=") && one.startsWith(`${option}=`)));
}

function hasVariable(assignment: string): boolean {
  const equals = assignment.indexOf("=");
  if (equals === -1) return process.env[assignment] !== undefined;
  return process.env[assignment.slice(0, equals)] === assignment.slice(equals + 1);
}

/** `>= 1024`, with `>=` where nothing is said; sizes in bytes. */
function compare(expression: string, value: number): boolean {
  const [, operator = "", limit, suffix = ""] =
    /^(<=|>=|<|>|!=|=)?\s*(\d+)([KMGT]?)$/.exec(expression.trim()) ?? [];
  const bound = Number(limit) * 1024 ** ["", "K", "M", "G", "T"].indexOf(suffix);
  const difference = value - bound;
  const answers: Readonly<Record<string, boolean>> = {
    "<": difference < 0,
    "<=": difference <= 0,
    "=": difference === 0,
    "!=": difference !== 0,
    ">": difference > 0,
  };
  return answers[operator] ?? difference >= 0;
}
