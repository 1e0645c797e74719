/** `flotilla rebalance`: which units would be better placed elsewhere, and, asked for it, moves them. */
import type { EventBody, RebalanceBody } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import { list } from "./lists.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import type { Column } from "./terminal/table.ts";

type Move = RebalanceBody["moves"][number];

/** Exit code 0 when it is balanced, or has become so; 1 when not all units could be moved. */
export async function rebalance(context: CommandContext): Promise<number> {
  const { options, io, client, format } = context;
  if (options.flag("plan") && options.flag("apply"))
    throw new FlotillaError("usage", "--plan and --apply exclude each other");
  const strict = options.flag("strict");
  const api = await client();
  const plan = await api.rebalance(strict, io.signal);
  await showPlan(plan, context);
  if (!options.flag("apply") || plan.moves.length === 0) return 0;
  const { revision } = await api.applyRebalance(
    { moves: plan.moves, revision: plan.revision, strict },
    io.signal,
  );
  if (!options.flag("block")) return 0;
  const units = new Set(plan.moves.map(({ unit }) => unit));
  for await (const event of api.followEvents({}, revision, io.signal)) {
    if (isOf(event, units) && !isData(format)) writeLines(io.stdout, [event.message]);
    if (event.kind === "rebalance") return event.message.includes("not ") ? 1 : 0;
  }
  io.signal.throwIfAborted();
  throw new FlotillaError("unreachable", "the daemon ended the connection", {
    hint: "the rebalance goes on; flotilla events -f follows it",
  });
}

/** What is told of the units that move, and the end of it. */
function isOf({ kind, unit }: EventBody, units: ReadonlySet<string>): boolean {
  if (kind === "rebalance") return true;
  return (
    unit !== undefined && units.has(unit) && ["unit-moved", "unit-unplaced", "unit-failed"].includes(kind)
  );
}

const COLUMNS: readonly Column<Move>[] = [
  { field: "unit", value: ({ unit }) => unit },
  { field: "from", value: ({ fromName }) => fromName },
  { field: "to", value: ({ toName }) => toName },
  { field: "reason", value: ({ reason }) => reason },
];

async function showPlan(plan: RebalanceBody, context: CommandContext): Promise<void> {
  const { io, format } = context;
  if (format !== "name" && isData(format)) return showData(io.stdout, plan, format);
  if (plan.moves.length === 0) return writeLines(io.stdout, ["balanced: no move would make a difference"]);
  await list(context, {
    key: "moves",
    items: plan.moves,
    columns: [...COLUMNS],
    fields: "unit,from,to,reason",
    name: ({ unit }) => unit,
  });
  if (format === "name") return;
  const loads = plan.machines.map(
    (one) =>
      `${one.name}: ${one.unitsBefore} → ${one.unitsAfter} units, load ${percent(one.loadBefore)} → ${percent(one.loadAfter)}`,
  );
  writeLines(io.stdout, ["", ...loads]);
}

function percent(load: number): string {
  return `${Math.round(load * 100)} %`;
}
