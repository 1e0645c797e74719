/**
 * Carries out a scenario's script on one machine, and tells what of it did not hold and which states it went through.
 * A script is at rest at `show`, `until` and `rest` and at its end: what is recorded there must be the same everywhere.
 * What a job's end says about a unit must hold at once. What a unit's own programs bring about, such as a file, is seen
 * here before the supervisor may have heard of it: a `show` behind that waits for what it expects.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScenarioMachine } from "./machine.ts";
import { isInTransition, type Properties } from "./properties.ts";
import { type Action, ANY_RESULT, type Expected, type Scenario, type Step } from "./scenario.ts";
import { expandDirectory } from "./scenario-files.ts";

const JOB_MS = 15_000;
const UNTIL_MS = 10_000;
const SOON_MS = 5_000;
/** How often a file is looked at: what is waited for may be made in a directory that is not there yet. */
const LOOK_MS = 10;

/** systemd takes a queued job up once it has read all messages: one that follows at once would meet a job not begun. */
const TAKEN_UP_MS = 100;

/** Nothing has changed for so long: the units are at rest. */
const REST_MS = 700;
const REST_AT_LAST_MS = 12_000;

/** What a line found. */
export interface Finding {
  readonly step: Step;
  /** How a job ended. */
  readonly result?: string | undefined;
  /** Why the line does not hold; undefined: it does. */
  readonly fault: string | undefined;
  /** The properties, after this line, of the units that are at rest then. */
  readonly states: ReadonlyMap<string, Properties>;
}

type Outcome = Pick<Finding, "fault" | "result">;

/** Runs the whole script, also past lines that do not hold. */
export async function runScenario(scenario: Scenario, machine: ScenarioMachine): Promise<readonly Finding[]> {
  const run: Run = {
    machine,
    jobs: new Map(),
    units: scenario.units.map(({ name }) => name).filter((name) => !name.includes("@.")),
    isToldAll: true,
  };
  const findings: Finding[] = [];
  for (const step of scenario.steps) {
    if (step.action.do !== "show") run.isToldAll = tellsAll(step.action);
    const outcome = await attempt(step.action, run);
    const isLast = step === scenario.steps.at(-1);
    const states = await statesOf(machine, isLast ? run.units : comparedAfter(step.action, run.units));
    findings.push({ step, ...outcome, states });
  }
  return findings;
}

/** A script that is being run. */
interface Run {
  readonly machine: ScenarioMachine;
  /** Those that were begun, by the names the script gives them. */
  readonly jobs: Map<string, Promise<string>>;
  readonly units: readonly string[];
  /** Whether the supervisor itself has told of what was waited for last, so that it knows of it by now. */
  isToldAll: boolean;
}

function tellsAll({ do: what }: Action): boolean {
  return ["job", "begin", "await", "until", "rest"].includes(what);
}

function comparedAfter(action: Action, units: readonly string[]): readonly string[] {
  if (action.do === "rest") return units;
  return action.do === "show" || action.do === "until" ? [action.unit] : [];
}

async function statesOf(
  machine: ScenarioMachine,
  units: readonly string[],
): Promise<ReadonlyMap<string, Properties>> {
  return new Map(
    await Promise.all(units.map(async (unit) => [unit, await machine.properties(unit)] as const)),
  );
}

async function attempt(action: Action, run: Run): Promise<Outcome> {
  try {
    return await carryOut(action, run);
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

async function carryOut(action: Action, { machine, jobs, units, isToldAll }: Run): Promise<Outcome> {
  switch (action.do) {
    case "show":
      return { fault: await (isToldAll ? now : until)(machine, action.unit, action.expected) };
    case "until":
      return { fault: await until(machine, action.unit, action.expected) };
    case "job": {
      const { ended } = await machine.enqueue(action.job);
      return resultOf(ended, action.result);
    }
    case "begin":
      jobs.set(action.label, (await machine.enqueue(action.job)).ended);
      await sleep(TAKEN_UP_MS);
      return HOLDS;
    case "await": {
      const ended = jobs.get(action.label);
      if (ended === undefined) return { fault: `nothing was begun under the name ${action.label}` };
      return resultOf(ended, action.result);
    }
    default:
      return { fault: await carryOutOnUnits(action, machine, units) };
  }
}

const HOLDS: Outcome = { fault: undefined };

type DoneBefore = Extract<Action, { readonly do: "job" | "begin" | "await" | "show" | "until" }>;

/** What does not hold; undefined: all does. */
async function carryOutOnUnits(
  action: Exclude<Action, DoneBefore>,
  machine: ScenarioMachine,
  units: readonly string[],
): Promise<string | undefined> {
  switch (action.do) {
    case "reset-failed":
      await machine.resetFailed(action.unit);
      return undefined;
    case "kill":
      await machine.kill(action.unit, action.signal, action.whom);
      return undefined;
    case "settle":
      await sleep(action.ms);
      return undefined;
    case "rest":
      await rest(machine, units);
      return undefined;
    case "log":
      return (await machine.hasLine(action.unit, action.text)) ? undefined : "there is no such line";
    default:
      return carryOutFile(action, machine);
  }
}

type FileAction = Extract<Action, { readonly path: string }>;

async function carryOutFile(action: FileAction, machine: ScenarioMachine): Promise<string | undefined> {
  const expand = (text: string): string => expandDirectory(text, machine.directory);
  const path = machine.pathOf(expand(action.path));
  switch (action.do) {
    case "write":
      writeFileSync(path, expand(action.text));
      return undefined;
    case "mkdir":
      mkdirSync(path, { recursive: true });
      return undefined;
    case "remove":
      rmSync(path, { recursive: true });
      return undefined;
    case "nofile":
      return fileGone(path);
    case "file":
      return fileContent(path, expand(action.text));
  }
}

async function resultOf(ended: Promise<string>, wanted: string): Promise<Outcome> {
  const result = await Promise.race([ended, sleep(JOB_MS, undefined, { ref: false })]);
  if (result === undefined) return { fault: `the job has not ended in ${JOB_MS} ms` };
  const isWanted = result === wanted || wanted === ANY_RESULT;
  return { result, fault: isWanted ? undefined : `the result is ${result}, not ${wanted}` };
}

/** Waits until no unit changes any more nor is about to; those that never cease to are not waited for without end. */
async function rest(machine: ScenarioMachine, units: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    const states = await statesOf(machine, units);
    if ([...states.values()].some(isInTransition)) quiet.refresh();
    else resolve();
  };
  const quiet = setTimeout(() => void look().catch(resolve), REST_MS);
  const giveUp = setTimeout(resolve, REST_AT_LAST_MS);
  const forget = machine.onChange((unit) => units.includes(unit) && quiet.refresh());
  await promise;
  for (const timer of [quiet, giveUp]) clearTimeout(timer);
  forget();
}

function unmet(found: Properties, expected: readonly Expected[]): string | undefined {
  const wrong = expected.filter(({ property, value }) => found[property] !== value);
  if (wrong.length === 0) return undefined;
  return wrong.map(({ property }) => `${property} is ${found[property] ?? "missing"}`).join(", ");
}

async function now(
  machine: ScenarioMachine,
  unit: string,
  expected: readonly Expected[],
): Promise<string | undefined> {
  return unmet(await machine.properties(unit), expected);
}

/** Looks again after each change. */
async function until(
  machine: ScenarioMachine,
  unit: string,
  expected: readonly Expected[],
): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const look = (isLast = false): void => {
    machine.properties(unit).then((found) => {
      const fault = unmet(found, expected);
      if (fault === undefined || isLast) resolve(fault);
    }, reject);
  };
  const forget = machine.onChange((changed) => changed === unit && look());
  const giveUp = setTimeout(look, UNTIL_MS, true);
  look();
  try {
    return await promise;
  } finally {
    clearTimeout(giveUp);
    forget();
  }
}

async function fileGone(path: string): Promise<string | undefined> {
  for (let waited = 0; existsSync(path); waited += LOOK_MS) {
    if (waited > SOON_MS) return `${path} is there`;
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** A last newline is not told from none, since `echo` writes one. */
async function fileContent(path: string, wanted: string): Promise<string | undefined> {
  const withoutEnd = (text: string): string => text.replace(/\n$/, "");
  for (let waited = 0; ; waited += LOOK_MS) {
    const found = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (found !== undefined && withoutEnd(found) === withoutEnd(wanted)) return undefined;
    if (waited > SOON_MS)
      return found === undefined ? `${path} is not there` : `it is ${JSON.stringify(found)}`;
    await sleep(LOOK_MS);
  }
}
