/** fleet's machines: `/machines`, and the metadata that units are placed by. */
import * as z from "zod";
import { type ClusterView, effectiveMetadata } from "#model/cluster-state.ts";
import type { MachineRecord } from "#model/records.ts";
import { type Answer, answerJson } from "../answer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { configureMachine } from "../machine-config.ts";
import { findMachine } from "../machine-rows.ts";
import { answerEmpty, FleetError } from "./answer.ts";
import { pageOf } from "./page.ts";

export function listMachines(
  token: string | readonly string[] | undefined,
  { mirror }: ApiDependencies,
): Answer {
  const { view } = mirror;
  const all = [...view.machines.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const { items, next } = pageOf(all, token);
  const machines = items.map((machine) => fleetMachine(view, machine));
  return answerJson({
    ...(machines.length === 0 ? {} : { machines }),
    ...(next === undefined ? {} : { nextPageToken: next }),
  });
}

function fleetMachine(view: ClusterView, machine: MachineRecord): object {
  const metadata = effectiveMetadata(machine, view.machineConfigs.get(machine.id));
  const hasMetadata = Object.keys(metadata).length > 0;
  return { id: machine.id, ...(hasMetadata ? { metadata } : {}), primaryIP: machine.address };
}

/** Go reads the names of fields in any case. */
const anyCase = (value: unknown): unknown =>
  value instanceof Object
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), inner]))
    : value;

/** fleet's document has a text for a value, its server wanted an object around it. */
const valueSchema = z.union([
  z.string(),
  z.preprocess(anyCase, z.object({ value: z.string() })).transform(({ value }) => value),
]);

const opsSchema = z.array(
  z.preprocess(
    anyCase,
    z.object({ op: z.string().default(""), path: z.string().default(""), value: valueSchema.default("") }),
  ),
);

interface MetadataChange {
  readonly machine: string;
  readonly key: string;
  /** Null hides the key, also where the machine's own configuration has it. */
  readonly value: string | null;
}

/** `PATCH /machines`: metadata of any machines, also of those that are away; it outlives their presence. */
export async function patchMachines(body: unknown, dependencies: ApiDependencies): Promise<Answer> {
  const read = opsSchema.safeParse(body);
  if (!read.success) throw new FleetError(400, read.error.issues[0]?.message ?? "unable to decode body");
  const { view } = dependencies.mirror;
  // All are looked at before the first is carried out.
  const changes = read.data.map((op) => readChange(op, view));
  for (const [machine, ofMachine] of Map.groupBy(changes, (change) => change.machine)) {
    const metadata = Object.fromEntries(ofMachine.map(({ key, value }) => [key, value]));
    await configureMachine(machine, { metadata }, dependencies);
  }
  return answerEmpty(204);
}

function readChange(
  { op, path, value }: z.infer<typeof opsSchema>[number],
  view: ClusterView,
): MetadataChange {
  if (op !== "add" && op !== "remove" && op !== "replace")
    throw new FleetError(400, "invalid op: expect add, remove, or replace");
  const [, machine = "", key] = /^\/([^/]+)\/metadata\/([A-Za-z0-9_.-]+)$/.exec(path) ?? [];
  if (key === undefined) throw new FleetError(400, "machine metadata path invalid");
  if (op !== "remove" && value === "")
    throw new FleetError(400, "invalid value: add and replace require a value");
  return { machine: machineId(machine, view), key, value: op === "remove" ? null : value };
}

/** Of a machine that was never here the whole ID is needed. @throws FlotillaError `machine-not-found` */
function machineId(text: string, view: ClusterView): string {
  return /^[0-9a-f]{32}$/.test(text) ? text : findMachine(view, text);
}
