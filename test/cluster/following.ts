/** Waits on a cluster's own streams: until units, machines or events are as asked. Nothing here polls. */
import type { EventBody, UnitRow } from "#api/bodies.ts";
import type { FlotillaClient } from "#client/client.ts";

const PATIENCE_MS = 30_000;

export type Rows = ReadonlyMap<string, readonly UnitRow[]>;

/** Follows the units until `holds`; returns their rows as they were then. */
export async function untilUnits(
  client: FlotillaClient,
  units: readonly string[] | undefined,
  holds: (rows: Rows) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<Rows> {
  const rows = new Map<string, readonly UnitRow[]>();
  const signal = AbortSignal.timeout(patienceMs);
  for await (const change of client.watchUnits(units, signal)) {
    for (const name of change.names) {
      rows.set(
        name,
        change.units.filter((row) => row.unit === name),
      );
    }
    if (holds(rows)) return rows;
  }
  const last = [...rows.values()].flat().map((row) => `${row.unit} ${row.machineName} ${row.active}`);
  throw new Error(`units did not get there within ${patienceMs} ms; last seen: ${last.join(", ")}`);
}

/** Resolves when each of the units is active on exactly one machine of those that `where` accepts. */
export function untilActive(
  client: FlotillaClient,
  units: readonly string[],
  where: (machine: string) => boolean = () => true,
  patienceMs = PATIENCE_MS,
): Promise<Rows> {
  return untilUnits(
    client,
    units,
    (rows) =>
      units.every((unit) => {
        const [row, ...others] = rows.get(unit) ?? [];
        return row?.active === "active" && others.length === 0 && where(row.machineName ?? "");
      }),
    patienceMs,
  );
}

/** The first event after the one with the ID `after` that `matches`, those that were written before included. */
export async function untilEvent(
  client: FlotillaClient,
  matches: (event: EventBody) => boolean,
  after = "0",
  patienceMs = PATIENCE_MS,
): Promise<EventBody> {
  const seen: string[] = [];
  for await (const event of client.followEvents({}, after, AbortSignal.timeout(patienceMs))) {
    if (matches(event)) return event;
    seen.push(event.message);
  }
  throw new Error(`no such event within ${patienceMs} ms; there were: ${seen.slice(-10).join("; ")}`);
}
