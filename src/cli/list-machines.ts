/** `flotilla list-machines`: the machines that are present. */
import type { MachineRow } from "#api/bodies.ts";
import type { CommandContext } from "./command.ts";
import { formatPairs, list } from "./lists.ts";
import { tellIfStale } from "./stale.ts";
import { writeLines } from "./terminal/output.ts";
import type { Column } from "./terminal/table.ts";
import { formatAge } from "./terminal/times.ts";

const GIB = 2 ** 30;

export async function listMachines(context: CommandContext): Promise<number> {
  const client = await context.client();
  const { machines } = await client.machines(context.io.signal);
  const cordoned = machines.some((machine) => machine.cordoned);
  const drained = machines.some((machine) => machine.drain !== null);
  await list(context, {
    key: "machines",
    items: machines,
    columns: columns(context.options.flag("full"), context.io.now()),
    fields: `machine,name,ip,units${cordoned ? ",cordoned" : ""}${drained ? ",drain" : ""},metadata`,
    name: ({ machine }) => machine,
  });
  const [first] = machines;
  if (first !== undefined && context.format === "table" && context.options.flag("legend")) {
    const { moves } = await client.rebalance(false, context.io.signal);
    const hints = [leaseLine(first.leaseTtlS), ...rebalanceLine(moves.length)];
    writeLines(
      context.io.stderr,
      hints.map((hint) => context.paintTalk("dim", hint)),
    );
  }
  await tellIfStale(context, client);
  return 0;
}

/** What the cluster does when a machine falls silent, and when. */
function leaseLine(leaseTtlS: number): string {
  return `A machine that is silent for ${leaseTtlS} s is gone, and its units are started on others.`;
}

function rebalanceLine(moves: number): readonly string[] {
  if (moves === 0) return [];
  const what = moves === 1 ? "1 unit" : `${moves} units`;
  return [`${what} would be better placed elsewhere: flotilla rebalance --plan`];
}

function columns(full: boolean, nowMs: number): Column<MachineRow>[] {
  return [
    { field: "machine", value: (row) => (full ? row.machine : `${row.machine.slice(0, 8)}...`) },
    { field: "name", value: (row) => row.name },
    { field: "ip", value: (row) => row.address },
    { field: "units", value: (row) => String(row.units) },
    { field: "cordoned", value: (row) => (row.cordoned ? "cordoned" : ""), look: () => "yellow" },
    { field: "drain", value: (row) => row.drain?.state ?? "", look: () => "yellow" },
    { field: "metadata", value: (row) => formatPairs(row.metadata) },
    { field: "cpus", value: (row) => String(row.capacity.cpuMillis / 1000) },
    { field: "memory", value: (row) => `${(row.capacity.memoryBytes / GIB).toFixed(1)}G` },
    { field: "used-cpus", value: ({ usage }) => (usage === null ? "" : (usage.cpuMillis / 1000).toFixed(1)) },
    {
      field: "used-memory",
      value: ({ usage }) => (usage === null ? "" : `${(usage.memoryBytes / GIB).toFixed(1)}G`),
    },
    { field: "roles", value: roles },
    { field: "supervisor", value: (row) => row.supervisor },
    { field: "version", value: (row) => row.version },
    { field: "lease", value: (row) => `${row.leaseTtlS} s` },
    { field: "up", value: (row) => formatAge(nowMs - row.startedMs) },
  ];
}

function roles({ engine, hasStore }: MachineRow): string {
  return [engine ? "engine" : "", hasStore ? "store" : ""].filter(Boolean).join(",");
}
