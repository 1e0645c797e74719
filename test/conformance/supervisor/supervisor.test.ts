/** Every scenario, on the embedded supervisor and on a real systemd where this machine can run one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareFindings, faultsOf } from "./compare.ts";
import { embeddedHost } from "./embedded.ts";
import type { ScenarioHost } from "./machine.ts";
import { type Finding, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { readScenarios } from "./scenario-files.ts";
import { whyNoContainer } from "./systemd/container.ts";
import { SystemdHost } from "./systemd/host.ts";

const { scenarios, faults } = readScenarios();
let systemd: SystemdHost | undefined;

beforeAll(async () => {
  if (whyNoContainer() === undefined) systemd = await SystemdHost.boot(scenarios);
});
afterAll(() => systemd?.[Symbol.asyncDispose]());

async function findingsOn(host: ScenarioHost, scenario: Scenario): Promise<readonly Finding[]> {
  await using machine = await host.open(scenario);
  return await runScenario(scenario, machine);
}

async function conform(scenario: Scenario): Promise<void> {
  const [embedded, real] = await Promise.all([
    findingsOn(embeddedHost, scenario),
    systemd && findingsOn(systemd, scenario),
  ]);
  const found = real === undefined ? faultsOf("embedded", embedded) : compareFindings(embedded, real);
  expect(found).toEqual([]);
}

test("every scenario can be read, and has units of its own", () => {
  expect(faults).toEqual([]);
});

describe.concurrent("side by side", () => {
  test.for(scenarios.filter(({ isAlone }) => !isAlone))("$name: $title", conform);
});

describe("alone on its machine", () => {
  test.for(scenarios.filter(({ isAlone }) => isAlone))("$name: $title", conform);
});
