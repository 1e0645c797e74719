/**
 * Carries out a scenario's script on one machine, and tells what of it did not hold and which states it went through.
 * A script is at rest at `show`, `until` and `settle` and at its end: what is recorded there must be the same everywhere.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScenarioMachine } from "./machine.ts";
import type { Properties } from "./properties.ts";
import type { Action, Expected, Scenario, Step } from "./scenario.ts";
import { expandDirectory } from "./scenario-files.ts";

const JOB_MS = 15_000;
const UNTIL_MS = 10_000;
const SOON_MS = 5_000;
/** How often a file is looked at: what is waited for may be made in a directory that is not there yet. */
const LOOK_MS = 10;

/** What a line found. */
export interface Finding {
  readonly step: Step;
  /** Why the line does not hold; undefined: it does. */
  readonly fault: string | undefined;
  /** The properties, after this line, of the units that are at rest then. */
  readonly states: ReadonlyMap<string, Properties>;
}

/** Runs the whole script, also past lines that do not hold. */
export async function runScenario(scenario: Scenario, machine: ScenarioMachine): Promise<readonly Finding[]> {
  const jobs = new Map<string, Promise<string>>();
  const units = scenario.units.map(({ name }) => name).filter((name) => !name.includes("@."));
  const findings: Finding[] = [];
  for (const step of scenario.steps) {
    const fault = await attempt(step.action, machine, jobs);
    const isLast = step === scenario.steps.at(-1);
    findings.push({ step, fault, states: await statesOf(machine, unitsAtRest(step.action, isLast, units)) });
  }
  return findings;
}

function unitsAtRest(action: Action, isLast: boolean, units: readonly string[]): readonly string[] {
  if (isLast || action.do === "settle") return units;
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

async function attempt(
  action: Action,
  machine: ScenarioMachine,
  jobs: Map<string, Promise<string>>,
): Promise<string | undefined> {
  try {
    return await carryOut(action, machine, jobs);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What does not hold; undefined: all does. */
async function carryOut(
  action: Action,
  machine: ScenarioMachine,
  jobs: Map<string, Promise<string>>,
): Promise<string | undefined> {
  switch (action.do) {
    case "job": {
      const { ended } = await machine.enqueue(action.job);
      return resultOf(ended, action.result);
    }
    case "begin":
      jobs.set(action.label, (await machine.enqueue(action.job)).ended);
      return undefined;
    case "await": {
      const ended = jobs.get(action.label);
      if (ended === undefined) return `nothing was begun under the name ${action.label}`;
      return resultOf(ended, action.result);
    }
    case "reset-failed":
      return void (await machine.resetFailed(action.unit));
    case "kill":
      return void (await machine.kill(action.unit, action.signal, action.whom));
    case "until":
      return until(machine, action.unit, action.expected);
    case "show":
      return unmet(await machine.properties(action.unit), action.expected);
    case "settle":
      return void (await sleep(action.ms));
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
      return void writeFileSync(path, expand(action.text));
    case "mkdir":
      return void mkdirSync(path, { recursive: true });
    case "remove":
      return void rmSync(path, { recursive: true });
    case "nofile":
      return existsSync(path) ? `${path} is there` : undefined;
    case "file":
      return fileContent(path, expand(action.text));
  }
}

async function resultOf(ended: Promise<string>, wanted: string): Promise<string | undefined> {
  const found = await Promise.race([ended, sleep(JOB_MS, undefined, { ref: false })]);
  if (found === undefined) return `the job has not ended in ${JOB_MS} ms`;
  return found === wanted ? undefined : `the result is ${found}, not ${wanted}`;
}

function unmet(found: Properties, expected: readonly Expected[]): string | undefined {
  const wrong = expected.filter(({ property, value }) => found[property] !== value);
  if (wrong.length === 0) return undefined;
  return wrong.map(({ property }) => `${property} is ${found[property] ?? "missing"}`).join(", ");
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
