/** `flotilla list-units`: what runs where, by name. A unit that is on several machines has a line for each. */
import type { UnitRow } from "#api/bodies.ts";
import type { CommandContext } from "./command.ts";
import { compareNames, list, shortHash } from "./lists.ts";
import { tellIfStale } from "./stale.ts";
import { stateLook } from "./terminal/style.ts";
import type { Column } from "./terminal/table.ts";

export async function listUnits(context: CommandContext): Promise<number> {
  const machine = context.options.text("machine");
  const client = await context.client();
  const { units } = await client.units(machine === undefined ? {} : { machine }, context.io.signal);
  const items = units.toSorted(
    (a, b) => compareNames(a.unit, b.unit) || compareNames(a.machineName ?? "", b.machineName ?? ""),
  );
  const differing = items.some((row) => differs(row) !== "");
  await list(context, {
    key: "units",
    items,
    columns: columns(context.options.flag("full")),
    fields: differing ? "unit,machine,active,sub,desired" : "unit,machine,active,sub",
    name: ({ unit }) => unit,
    footer: footer(items),
  });
  await tellIfStale(context, client);
  return 0;
}

function columns(full: boolean): Column<UnitRow>[] {
  return [
    { field: "unit", value: (row) => row.unit },
    { field: "machine", value: (row) => (full ? row.machine : row.machineName) ?? "" },
    { field: "load", value: (row) => row.load ?? "" },
    { field: "active", value: (row) => activeOf(row) ?? "", look: (row) => stateLook(activeOf(row)) },
    { field: "sub", value: (row) => subOf(row) ?? "", look: (row) => stateLook(activeOf(row)) },
    { field: "desired", value: differs, look: () => "yellow" },
    { field: "hash", value: (row) => shortHash(row.hash, full) },
  ];
}

/** What has finished stays known to be inactive when its machine is gone. */
function activeOf({ active, finishedMs }: UnitRow): string | null {
  return active ?? (finishedMs === null ? null : "inactive");
}

function subOf({ sub, finishedMs }: UnitRow): string | null {
  return sub ?? (finishedMs === null ? null : "dead");
}

/** What is asked for, where it is not what is. */
function differs({ desired, active, finishedMs, machine }: UnitRow): string {
  if (desired === null) return "destroyed";
  if (desired === "launched" && finishedMs !== null) return "";
  const met =
    desired === "launched" ? active === "active" : desired === "loaded" ? machine !== null : machine === null;
  return met ? "" : desired;
}

function footer(rows: readonly UnitRow[]): string {
  const failed = rows.filter(({ active }) => active === "failed").length;
  const nowhere = rows.filter(({ machine, finishedMs }) => machine === null && finishedMs === null);
  const parts = [`${rows.length} ${rows.length === 1 ? "unit" : "units"}`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (nowhere[0] !== undefined)
    parts.push(`${nowhere.length} on no machine: flotilla why ${nowhere[0].unit}`);
  return parts.join(", ");
}
