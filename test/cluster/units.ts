/** Units for tests of whole clusters, and what is the same about them before and after a fault. */
import type { UnitRow } from "#api/bodies.ts";
import type { Cluster } from "./cluster.ts";
import { type Rows, untilActive, untilUnits } from "./following.ts";

/** A service that runs until it is stopped. */
export const SLEEPER = "[Service]\nExecStart=/bin/sleep infinity\n";

/** Starts a sleeper (or `text`) under each name through `machine`; resolves when all are active. */
export async function launch(
  cluster: Cluster,
  names: readonly string[],
  text = SLEEPER,
  machine = "m1",
): Promise<readonly UnitRow[]> {
  const client = cluster.client(machine);
  const units = names.map((unit) => ({ unit, text }));
  const refused = (await client.submit({ units, desired: "launched" })).filter(({ error }) => error !== null);
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
  return flat(await untilActive(client, names));
}

/** `unit@machine` of each row with the process that runs it: equal before and after when nothing was disturbed. */
export function running(rows: readonly UnitRow[]): ReadonlyMap<string, number | null> {
  const entries = rows.map((row): [string, number | null] => [
    `${row.unit} on ${row.machineName}`,
    row.mainPid,
  ]);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function isAlive(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * Resolves when a new global unit is active on every machine: by then the engine has planned with all that happened
 * before, and every agent has carried out what came of it.
 */
export async function afterNextPlan(cluster: Cluster, name: string, through = "m1"): Promise<void> {
  const unit = `${name}.service`;
  const text = `${SLEEPER}[X-Fleet]\nGlobal=true\n`;
  const client = cluster.client(through);
  await client.submit({ units: [{ unit, text }], desired: "launched" });
  await untilUnits(client, [unit], (rows) => {
    const active = (rows.get(unit) ?? []).filter((row) => row.active === "active");
    return active.length === cluster.host.layout.machines.length;
  });
}

/** The rows of the units now. */
export async function rowsOf(
  cluster: Cluster,
  names: readonly string[],
  through = "m1",
): Promise<readonly UnitRow[]> {
  return (await cluster.client(through).units({ units: names })).units;
}

export function flat(rows: Rows): readonly UnitRow[] {
  return [...rows.values()].flat();
}
