/** `flotilla list-unit-files`: what was submitted, what is asked for and what it has come to. */
import type { UnitFileRow } from "#api/bodies.ts";
import type { CommandContext } from "./command.ts";
import { compareNames, list, shortHash } from "./lists.ts";
import type { Column } from "./terminal/table.ts";

export async function listUnitFiles(context: CommandContext): Promise<number> {
  const client = await context.client();
  const { unitFiles } = await client.unitFiles(context.io.signal);
  await list(context, {
    key: "unitFiles",
    items: unitFiles.toSorted((a, b) => compareNames(a.unit, b.unit)),
    columns: columns(context.options.flag("full")),
    fields: "unit,hash,dstate,state,target",
    name: ({ unit }) => unit,
  });
  return 0;
}

/** fleetctl's columns. */
function columns(full: boolean): Column<UnitFileRow>[] {
  return [
    { field: "unit", value: (row) => row.unit },
    { field: "hash", value: (row) => shortHash(row.hash, full) },
    { field: "dstate", value: (row) => row.desired },
    { field: "state", value: (row) => row.state },
    {
      field: "target",
      value: (row) => (row.global ? "global" : ((full ? row.machine : row.machineName) ?? "")),
    },
    { field: "global", value: (row) => String(row.global) },
    { field: "desc", value: (row) => row.description ?? "" },
  ];
}
