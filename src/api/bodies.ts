/**
 * The bodies of the API: what goes in and what comes out, as schemas and types.
 *
 * The routes check requests against them, the OpenAPI document is made from them, and the client, the command line
 * and the web UI take their types from here (types only: none of them loads zod). Times are wall-clock milliseconds
 * since 1970.
 */
import * as z from "zod";
import { ERROR_CODES, type ErrorCode, isErrorCode } from "#base/errors.ts";
import { EVENT_KINDS } from "#model/records.ts";
import { PERSON_ROLES } from "#model/trust-records.ts";

const desired = z.enum(["inactive", "loaded", "launched"]);
const unitName = z.string().min(1).describe("full unit name, with suffix");
const machine = z.string().min(1).describe("machine ID, an unambiguous prefix of one, or a machine's name");

export const placeSchema = z.object({
  file: z.string(),
  line: z.number(),
  column: z.number(),
  source: z.string().exactOptional(),
});

/** An error as every part of Flotilla shows it. */
export const errorSchema = z.object({
  code: z
    .custom<ErrorCode>((value) => typeof value === "string" && isErrorCode(value))
    .meta({ type: "string", enum: Object.keys(ERROR_CODES) }),
  message: z.string(),
  causes: z.array(z.string()).readonly(),
  hint: z.string().exactOptional(),
  place: placeSchema.exactOptional(),
});

/** What is wrong with a unit file without keeping it from being run. */
export const warningSchema = z.object({
  message: z.string(),
  place: placeSchema.exactOptional(),
  hint: z.string().exactOptional(),
});
export type WarningBody = z.infer<typeof warningSchema>;

export const refusalSchema = z.object({
  machine: z.string(),
  machineName: z.string(),
  code: z.string(),
  text: z.string(),
});
export type RefusalBody = z.infer<typeof refusalSchema>;

/** Why a unit that is asked for is nowhere. */
export const unplacedSchema = z.object({
  summary: z.string(),
  final: z
    .boolean()
    .describe("false while only time is missing: a strict unit's last copy, a hold of all moves"),
  refusals: z.array(refusalSchema),
});
export type UnplacedBody = z.infer<typeof unplacedSchema>;

/** One unit on one machine, or a unit that is on none. What nobody has reported is null. */
export const unitRowSchema = z.object({
  unit: z.string(),
  machine: z.string().nullable().describe("machine ID; null while the unit is on no machine"),
  machineName: z.string().nullable(),
  load: z.string().nullable(),
  active: z.string().nullable(),
  sub: z.string().nullable(),
  result: z.string().nullable(),
  hash: z.string().describe("SHA-256 of the unit file"),
  desired: desired.nullable().describe("null once the unit is destroyed and still being taken away"),
  global: z.boolean(),
  launch: z.number().describe("the launch asked for"),
  stateLaunch: z.number().nullable().describe("the launch that the reported state belongs to"),
  reason: z.string().nullable().describe("why this machine has it"),
  sinceMs: z.number().nullable(),
  message: z.string().nullable(),
  mainPid: z.number().nullable(),
  exitCode: z.number().nullable(),
  exitSignal: z.string().nullable(),
  restarts: z.number(),
  finishedMs: z.number().nullable().describe("set once this launch of a oneshot has run to its end"),
  unplaced: unplacedSchema.nullable().describe("only where one unit is asked for or watched by name"),
});
export type UnitRow = z.infer<typeof unitRowSchema>;

export const unitListSchema = z.object({ units: z.array(unitRowSchema) });
export type UnitList = z.infer<typeof unitListSchema>;

/** What a watcher of units is told: all rows of the units that it names. */
export const unitChangeSchema = z.object({ names: z.array(z.string()), units: z.array(unitRowSchema) });
export type UnitChange = z.infer<typeof unitChangeSchema>;

export const unitFileRowSchema = z.object({
  unit: z.string(),
  hash: z.string(),
  desired,
  state: z.string().describe("what it has come to: inactive, loaded or launched; - for global units"),
  global: z.boolean(),
  template: z.boolean(),
  machine: z.string().nullable().describe("machine ID; null when on none or on several"),
  machineName: z.string().nullable(),
  description: z.string().nullable(),
  changedMs: z.number(),
});
export type UnitFileRow = z.infer<typeof unitFileRowSchema>;
export const unitFileListSchema = z.object({ unitFiles: z.array(unitFileRowSchema) });
export type UnitFileList = z.infer<typeof unitFileListSchema>;

export const unitDetailSchema = z.object({
  unit: z.string(),
  hash: z.string(),
  desired,
  launch: z.number(),
  changedMs: z.number(),
  description: z.string().nullable(),
  template: z.boolean(),
  global: z.boolean(),
  history: z.array(z.object({ file: z.string(), replacedMs: z.number() })),
  rows: z.array(unitRowSchema),
});
export type UnitDetail = z.infer<typeof unitDetailSchema>;

export const eventSchema = z.object({
  id: z.string().describe("resume behind this event with Last-Event-ID"),
  timeMs: z.number(),
  kind: z.enum(EVENT_KINDS),
  unit: z.string().optional(),
  machine: z.string().optional(),
  machineName: z.string().optional(),
  message: z.string(),
});
export type EventBody = z.infer<typeof eventSchema>;
export const eventListSchema = z.object({ events: z.array(eventSchema) });
export type EventList = z.infer<typeof eventListSchema>;

export const whySchema = unitDetailSchema.extend({
  summary: z.string().describe("where it is and why, or why it is nowhere, in one sentence"),
  next: z.array(z.string()).describe("what the engine is about to do with it, and why"),
  holding: z.string().nullable().describe("what the engine waits for before it moves anything"),
  machines: z.array(
    z.object({
      machine: z.string(),
      machineName: z.string(),
      verdict: z
        .enum(["here", "chosen", "fits", "refused"])
        .describe("here: it stays; chosen: it would be put there; fits: another is better"),
      reason: z.string().nullable().describe("why it is refused"),
    }),
  ),
  promise: z
    .object({
      worstMs: z.number(),
      parts: z.array(z.object({ what: z.enum(["lease", "margin", "decide", "start"]), ms: z.number() })),
      text: z.string(),
    })
    .nullable()
    .describe("how long it is away at most when its machine dies; null while it is on none, or on every one"),
  events: z.array(eventSchema).describe("the unit's latest events, oldest first"),
});
export type Why = z.infer<typeof whySchema>;

export const submitSchema = z.object({
  units: z
    .array(
      z.object({
        unit: unitName,
        text: z
          .string()
          .optional()
          .describe("the unit file; absent: the submitted unit's, or its template's"),
        templateText: z
          .string()
          .optional()
          .describe("the template to use when neither the unit nor its template has been submitted"),
      }),
    )
    .min(1),
  desired: desired.optional().describe("absent: submit only"),
  replace: z.boolean().default(false).describe("replace a submitted unit that has another text"),
});
export type SubmitRequest = z.input<typeof submitSchema>;

export const unitNamesSchema = z.object({ units: z.array(unitName).min(1) });

export const unitResultSchema = z.object({
  unit: z.string(),
  status: z.enum(["changed", "unchanged", "refused"]),
  desired: desired.nullable().describe("what is asked for now; null when the unit does not exist"),
  launch: z.number(),
  hash: z.string().nullable(),
  warnings: z.array(warningSchema),
  error: errorSchema.nullable(),
});
export type UnitResult = z.infer<typeof unitResultSchema>;
export const unitResultsSchema = z.object({ results: z.array(unitResultSchema) });
export type UnitResults = z.infer<typeof unitResultsSchema>;

/** That a machine is emptied, and how. */
export const machineDrainSchema = z.object({
  state: z
    .enum(["draining", "drained", "leaving"])
    .describe("drained: it has no units left but members of the store; leaving: it is shutting down"),
  sinceMs: z.number().nullable(),
  untilMs: z.number().nullable().describe("when what is still there is stopped; null: never"),
  force: z.boolean().describe("what fits on no other machine is stopped"),
});

export const machineRowSchema = z.object({
  machine: z.string(),
  name: z.string(),
  address: z.string(),
  api: z.string(),
  metadata: z.record(z.string(), z.string()).describe("what units are placed by: its own with the overlay"),
  cordoned: z.boolean(),
  drain: machineDrainSchema.nullable().describe("null: it is not drained"),
  units: z.number().describe("units assigned to it"),
  capacity: z.object({ cpuMillis: z.number(), memoryBytes: z.number() }),
  usage: z
    .object({ cpuMillis: z.number(), memoryBytes: z.number() })
    .nullable()
    .describe("what its units use together, roughly; null where that is not counted"),
  engine: z.boolean(),
  hasStore: z.boolean(),
  supervisor: z.string(),
  notEnforced: z.array(z.string()),
  version: z.string(),
  startedMs: z.number(),
  leaseTtlS: z.number(),
});
export type MachineRow = z.infer<typeof machineRowSchema>;

/** A machine that was cordoned, drained or given metadata. */
export const machineConfiguredSchema = z.object({
  machine: machineRowSchema.nullable().describe("null while it is not present"),
  changed: z.boolean().describe("false: it was so already"),
});
export type MachineConfigured = z.infer<typeof machineConfiguredSchema>;

export const unitUsageSchema = z.object({
  memoryBytes: z.number().optional(),
  memoryPeakBytes: z.number().optional(),
  cpuMs: z.number().optional().describe("time on a processor since the unit was started"),
  tasks: z.number().optional(),
  ioReadBytes: z.number().optional(),
  ioWriteBytes: z.number().optional(),
  facts: z
    .array(
      z.union([
        z.object({ label: z.string(), text: z.string() }),
        z.object({ label: z.string(), atMs: z.number() }),
      ]),
    )
    .optional()
    .describe("what a unit of this type shows beside its state: where it listens, when it elapses next"),
});
export type UnitUsageBody = z.infer<typeof unitUsageSchema>;

export const machineListSchema = z.object({ machines: z.array(machineRowSchema) });
export type MachineList = z.infer<typeof machineListSchema>;

/** How a machine is to be drained. */
export const drainWishSchema = z.object({
  force: z.boolean().default(false).describe("stop what fits on no other machine"),
  deadlineMs: z.number().int().positive().optional().describe("after so long stop what is still there"),
});
export type DrainWish = z.input<typeof drainWishSchema>;

export const machinePatchSchema = z.object({
  cordoned: z.boolean().optional(),
  drain: drainWishSchema.nullable().optional().describe("moves its units to other machines; null ends that"),
  metadata: z
    .record(z.string(), z.string().nullable())
    .optional()
    .describe("keys to lay over the machine's own; null hides a key"),
  unset: z.array(z.string()).optional().describe("keys to take out of the overlay again"),
});
export type MachinePatch = z.input<typeof machinePatchSchema>;

/** How far the drain of a machine is. */
export const drainSchema = z.object({
  machine: z.string(),
  machineName: z.string(),
  drain: machineDrainSchema.nullable(),
  isOver: z.boolean().describe("nothing more becomes of it by itself"),
  units: z.array(
    z.object({
      unit: z.string(),
      phase: z
        .enum(["waiting", "starting", "staying", "stopping", "moved", "failed", "stopped"])
        .describe("waiting for its turn, starting elsewhere, staying since it fits nowhere else, …"),
      to: z.string().nullable(),
      toName: z.string().nullable(),
      reason: z.string(),
      refusals: z.array(refusalSchema),
    }),
  ),
});
export type DrainBody = z.infer<typeof drainSchema>;

const relocationSchema = z.object({
  unit: z.string(),
  from: z.string(),
  fromName: z.string(),
  to: z.string(),
  toName: z.string(),
  reason: z.string().describe("what the move gains"),
});

export const rebalanceSchema = z.object({
  revision: z.string().describe("of the store, that this was planned at"),
  underWay: z.boolean().describe("whether an earlier rebalance is being carried out"),
  moves: z.array(relocationSchema).describe("empty: it is balanced"),
  machines: z.array(
    z.object({
      machine: z.string(),
      name: z.string(),
      loadBefore: z.number().describe("dominant share of its resources, 0 to 1 and above"),
      loadAfter: z.number(),
      unitsBefore: z.number(),
      unitsAfter: z.number(),
    }),
  ),
});
export type RebalanceBody = z.infer<typeof rebalanceSchema>;

/** The plan that is to be carried out, and no other. */
export const rebalanceRequestSchema = z.object({
  moves: z.array(relocationSchema.pick({ unit: true, from: true, to: true })).min(1),
  revision: z.string(),
  strict: z.boolean().default(false),
});
export type RebalanceRequest = z.input<typeof rebalanceRequestSchema>;

export const clusterSchema = z.object({
  id: z.string().nullable(),
  name: z.string().nullable(),
  engine: z.string().nullable().describe("ID of the elected machine"),
  machines: z.number(),
  units: z.number(),
  revision: z.string(),
  connected: z
    .boolean()
    .describe("whether the store answers; if not, everything here is the last that was known"),
  self: z.string().describe("ID of the machine that answers"),
});
export type ClusterBody = z.infer<typeof clusterSchema>;

export const versionSchema = z.object({ version: z.string(), api: z.literal("v1") });
export type VersionBody = z.infer<typeof versionSchema>;

export const whoamiSchema = z.object({
  caller: z.string().describe("as the audit log names you"),
  role: z.enum(PERSON_ROLES).describe("what you may do here"),
});
export type Whoami = z.infer<typeof whoamiSchema>;

/** A change that was asked for, allowed or refused. */
export const auditEntrySchema = z.object({
  timeMs: z.number().describe("of several in a millisecond each is a thousandth of it later than the last"),
  caller: z.string().describe("who asked: a person, a machine, the local socket, nobody"),
  address: z.string().describe("from where; empty for the local socket"),
  route: z.string(),
  what: z.array(z.string()).describe("names in the request: units, keys, machines; never values"),
  outcome: z
    .string()
    .describe(
      "ok, no-change where it was so already, begun for work that goes on, or the code of the error; partly, where only some units were refused",
    ),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

const journalBytes = z.array(z.number()).readonly().describe("bytes of a value that is no text");
const journalValue = z.union([
  z.string(),
  journalBytes,
  z.array(z.union([z.string(), journalBytes])).readonly(),
]);

/** A line of a journal; `cursor` can be resumed behind at any machine. */
export const journalLineSchema = z.object({
  cursor: z.string(),
  timeUs: z.number(),
  unit: z.string(),
  machine: z.string(),
  machineName: z.string(),
  origin: z.enum(["unit", "supervisor"]).describe("who wrote it"),
  priority: z.number(),
  pid: z.number().optional(),
  identifier: z.string(),
  message: z.string().describe("bytes that are no UTF-8 are replaced"),
  fields: z
    .record(z.string(), journalValue)
    .optional()
    .describe(
      "with fields=true every field by systemd's name, else only MESSAGE, and only where it is no text",
    ),
});
export type JournalLine = z.infer<typeof journalLineSchema>;

export const verifyRequestSchema = z.object({ unit: unitName, text: z.string() });
export const verifyResultSchema = z.object({
  errors: z.array(errorSchema),
  warnings: z.array(warningSchema),
});
export type VerifyResult = z.infer<typeof verifyResultSchema>;

export const unitParams = z.object({ unit: unitName });
export const machineParams = z.object({ machine });

/** A query value that may be given several times. */
export const listQuery = z.union([z.string(), z.array(z.string())]).optional();
export const flagQuery = z.enum(["true", "false"]).optional();
export const countQuery = z.coerce.number().int().nonnegative().optional();

/** Which changes of an audit log. */
export const auditQuery = z.object({
  since: countQuery.describe("milliseconds since 1970"),
  follow: flagQuery.describe("and whatever follows, as it comes"),
  after: z.coerce
    .number()
    .nonnegative()
    .optional()
    .describe("with follow: the time of the last that is known"),
});
export type AuditWish = z.infer<typeof auditQuery>;

/** Which lines of a journal; what is absent selects nothing away. */
export const journalQuery = z.object({
  unit: listQuery.describe("names, or patterns with * ? []"),
  priority: z
    .string()
    .regex(/^[0-7](\.\.[0-7])?$/)
    .optional()
    .describe("7 for all up to debug, 0..3 for a range"),
  since: countQuery.describe("microseconds since 1970"),
  until: countQuery,
  boot: z.string().optional().describe("a boot's ID, or 0 for the present one, -1 for the one before"),
  identifier: listQuery,
  invocation: z.string().optional(),
  grep: z.string().optional().describe("a regular expression for the message"),
  ignoreCase: flagQuery,
  match: listQuery.describe("FIELD=value; + between two groups of them"),
  lines: countQuery.describe("the last so many; absent: all"),
  after: z.string().optional().describe("cursor of a line"),
  reverse: flagQuery.describe("newest first"),
  follow: flagQuery,
  fields: flagQuery.describe("with every field of each line"),
});
export type JournalWish = z.infer<typeof journalQuery>;
