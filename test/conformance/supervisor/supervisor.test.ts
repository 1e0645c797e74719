/** Every scenario, on the embedded supervisor and on a real systemd where this machine can run one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareFindings, faultsOf } from "./compare.ts";
import { EmbeddedHost } from "./embedded.ts";
import type { ScenarioHost } from "./machine.ts";
import { type Finding, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { readScenarios } from "./scenario-files.ts";
import { whyNoContainer } from "./systemd/container.ts";
import { SystemdHost } from "./systemd/host.ts";

const { scenarios, faults } = readScenarios();
let embedded: EmbeddedHost;
let systemd: SystemdHost | undefined;

beforeAll(async () => {
  embedded = await EmbeddedHost.boot(scenarios);
  if (whyNoContainer() === undefined) systemd = await SystemdHost.boot(scenarios);
});
afterAll(async () => {
  await embedded[Symbol.asyncDispose]();
  await systemd?.[Symbol.asyncDispose]();
});

async function findingsOn(host: ScenarioHost, scenario: Scenario): Promise<readonly Finding[]> {
  return runScenario(scenario, await host.open(scenario));
}

async function conform(scenario: Scenario): Promise<void> {
  const [ours, real] = await Promise.all([
    findingsOn(embedded, scenario),
    systemd && findingsOn(systemd, scenario),
  ]);
  const found = real === undefined ? faultsOf("embedded", ours) : compareFindings(ours, real);
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
