/** Generated scenarios on both sides: where they differ, with the scenario that shows it. */
import fc from "fast-check";
import { differencesOf } from "../compare.ts";
import { EmbeddedHost } from "../embedded.ts";
import type { ScenarioHost } from "../machine.ts";
import { runScenario } from "../run-scenario.ts";
import { parseScenario, type Scenario } from "../scenario.ts";
import { SystemdHost } from "../systemd/host.ts";
import { graphScenario } from "./graphs.ts";
import { serviceScenario } from "./services.ts";

/** How many scenarios are run at a time. */
const AT_ONCE = 8;

interface Sample {
  readonly text: string;
  readonly scenario: Scenario;
}

/** A text for each scenario on which the two sides differ; `count` of services and as many of graphs are run. */
export async function differAtRandom(count: number, seed: number): Promise<readonly string[]> {
  const samples = [
    ...samplesOf("random-service", serviceScenario, count, seed),
    ...samplesOf("random-graph", graphScenario, count, seed),
  ];
  const scenarios = samples.map(({ scenario }) => scenario);
  await using embedded = await EmbeddedHost.boot(scenarios);
  await using systemd = await SystemdHost.boot(scenarios);
  const found: string[] = [];
  const waiting = [...samples];
  const work = async (): Promise<void> => {
    for (let sample = waiting.shift(); sample !== undefined; sample = waiting.shift()) {
      const differences = await differencesIn(sample.scenario, embedded, systemd);
      if (differences.length > 0) found.push(`${sample.text}\n${differences.join("\n")}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

function samplesOf(
  stem: string,
  generate: (stem: string) => fc.Arbitrary<string>,
  count: number,
  seed: number,
): readonly Sample[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${stem}-${index}`;
    const [text = ""] = fc.sample(generate(name), { numRuns: 1, seed: seed + index });
    return { text, scenario: parseScenario(`random/${name}`, text) };
  });
}

async function differencesIn(
  scenario: Scenario,
  embedded: ScenarioHost,
  systemd: ScenarioHost,
): Promise<readonly string[]> {
  const [ours = [], real = []] = await Promise.all(
    [embedded, systemd].map(async (host) => runScenario(scenario, await host.open(scenario))),
  );
  return ours.flatMap((finding, index) => {
    const other = real[index];
    const differences = other === undefined ? [] : differencesOf(finding, other);
    return differences.map((difference) => `line ${finding.step.line} ${finding.step.text}: ${difference}`);
  });
}
