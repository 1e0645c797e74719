/** The files of scenarios, and those that a scenario brings along, on the disk where its units find them. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseScenario, type Scenario } from "./scenario.ts";

const ROOT = join(import.meta.dirname, "scenarios");
const SUFFIX = ".scenario";

export interface ScenarioTree {
  readonly scenarios: readonly Scenario[];
  /** What cannot be read, and units that two scenarios have; a line each. */
  readonly faults: readonly string[];
}

/** Every scenario of the tree, in the order of their names. */
export function readScenarios(): ScenarioTree {
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(SUFFIX),
  );
  const scenarios: Scenario[] = [];
  const faults: string[] = [];
  for (const file of files.sort()) {
    try {
      const text = readFileSync(join(ROOT, file), "utf8");
      scenarios.push(parseScenario(file.slice(0, -SUFFIX.length), text));
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { scenarios, faults: [...faults, ...sharedUnits(scenarios)] };
}

/** All scenarios are loaded into one systemd, so that each needs names of its own. */
function sharedUnits(scenarios: readonly Scenario[]): readonly string[] {
  const owners = new Map<string, string>();
  return scenarios.flatMap((scenario) =>
    scenario.units.flatMap(({ name }) => {
      const owner = owners.get(name);
      owners.set(name, scenario.name);
      return owner === undefined ? [] : [`${name} is a unit of ${owner} and of ${scenario.name}`];
    }),
  );
}

/** `@DIR@` becomes the scenario's directory. */
export function expandDirectory(text: string, directory: string): string {
  return text.replaceAll("@DIR@", directory);
}

/** Makes the scenario's directory `at` and its programs in it; units see it as `seenAs`. */
export function writePrograms(scenario: Scenario, at: string, seenAs: string): void {
  mkdirSync(at, { recursive: true });
  chmodSync(at, 0o777);
  for (const { name, text } of scenario.programs) {
    const path = join(at, name);
    writeFileSync(path, expandDirectory(text, seenAs));
    chmodSync(path, 0o755);
  }
}
