/** Every scenario, on the embedded supervisor and on a real systemd where this machine can run one. */
import { expect, test } from "vitest";
import { embeddedHost } from "./embedded.ts";
import type { ScenarioHost } from "./machine.ts";
import { type Finding, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { readScenarios } from "./scenario-files.ts";

const scenarios = readScenarios();

async function findingsOn(host: ScenarioHost, scenario: Scenario): Promise<readonly Finding[]> {
  await using machine = await host.open(scenario);
  return await runScenario(scenario, machine);
}

async function conform(scenario: Scenario): Promise<void> {
  const findings = await findingsOn(embeddedHost, scenario);
  const faults = findings.flatMap(({ step, fault }) =>
    fault === undefined ? [] : [`line ${step.line}: ${step.text}: ${fault}`],
  );
  expect(faults).toEqual([]);
}

test.concurrent.for(scenarios)("$name: $title", (scenario) => conform(scenario));
