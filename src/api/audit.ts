/**
 * Who asked for which change and what came of it, as lines of the audit log.
 *
 * What is noted of a request are the names in it, by a list of the fields that are names: a field that is new is not
 * noted until somebody says that it is no secret. Nothing here may throw over what a request has.
 */
import { type Caller, describeCaller } from "./access/caller.ts";
import type { Origin } from "./access/identify.ts";
import type { Answer } from "./answer.ts";
import { type AuditEntry, machineConfiguredSchema, unitResultsSchema } from "./bodies.ts";
import type { Route } from "./route.ts";

/** Where entries are kept, on this machine. */
export interface AuditLog {
  /**
   * Resolves when it is noted, or when that takes too long: a request does not wait for a disk.
   * @param isStranger of somebody who was not let in: kept apart, so that they cannot push out what others did
   */
  readonly note: (entry: AuditEntry, isStranger: boolean) => Promise<void>;
  /** Oldest first. */
  readonly read: (sinceMs: number) => AsyncIterable<AuditEntry>;
  /** What is kept behind the entry of that time, and whatever is noted, until the signal is aborted. */
  readonly follow: (afterMs: number, signal: AbortSignal) => AsyncIterable<AuditEntry>;
}

/** What a viewer may do changes nothing, whatever its method. */
export function isChange({ method, needs }: Pick<Route, "method" | "needs">): boolean {
  return method !== "get" && needs !== "viewer";
}

/** Fields whose values are names, or words of the API's own. */
const NAMES: ReadonlySet<string> = new Set(
  "unit units machine by key prefix name role desired cordoned drain token person".split(" "),
);
/** Fields whose keys are names, and whose values are not noted. */
const KEYED: ReadonlySet<string> = new Set(["metadata"]);

const NAMES_MAX = 100;
const NAME_MAX = 255;

/** @param parts path parameters and, where it was read, the body; nothing is known of their shape */
export function whatOf(...parts: readonly unknown[]): string[] {
  const names = parts.flatMap(namesIn);
  const more = names.length - NAMES_MAX;
  return more > 0 ? [...names.slice(0, NAMES_MAX), `and ${more} more`] : names;
}

function namesIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([field, value]) => {
    if (KEYED.has(field)) return isObject(value) ? Object.keys(value).map((key) => named(field, key)) : [];
    return NAMES.has(field) ? valuesOf(value).map((one) => named(field, one)) : [];
  });
}

/** Texts and switches; of a thing its name, and of a list of things the name of each. */
function valuesOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (isObject(value)) return typeof value.name === "string" ? [value.name] : [];
  if (typeof value === "boolean") return [String(value)];
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown) => {
    const name = isObject(one) ? one.unit : one;
    return typeof name === "string" ? [name] : [];
  });
}

function named(field: string, value: string): string {
  const isPlain = field === "unit" || field === "units" || field === "machine";
  return (isPlain ? value : `${field}=${value}`).slice(0, NAME_MAX);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param outcome an error's code, `ok`, or `begun` for work that goes on */
export function auditEntry(
  timeMs: number,
  origin: Origin,
  caller: Caller,
  { method, path }: Pick<Route, "method" | "path">,
  what: readonly string[],
  outcome: string,
): AuditEntry {
  return {
    timeMs,
    caller: describeCaller(caller),
    address: origin.kind === "network" ? origin.address : "",
    route: `${method.toUpperCase()} ${path}`,
    what: [...what],
    outcome,
  };
}

/** What an answer says of how it went; another machine's is passed on as it comes, with its status. */
export function outcomeOf({ status, body }: Answer, { response }: Pick<Route, "response">): string {
  if (status >= 400) return `status ${status}`;
  if (typeof body !== "string") return "begun";
  if (response === unitResultsSchema) return outcomeOfUnits(body);
  return response === machineConfiguredSchema ? outcomeOfMachine(body) : "ok";
}

function outcomeOfMachine(body: string): string {
  return machineConfiguredSchema.parse(JSON.parse(body)).changed ? "ok" : "no-change";
}

/** A request about several units is answered as a whole with a result for each. */
function outcomeOfUnits(body: string): string {
  const { results } = unitResultsSchema.parse(JSON.parse(body));
  const refused = results.flatMap(({ error }) => error ?? []);
  if (refused.length === 0) return "ok";
  const codes = [...new Set(refused.map(({ code }) => code))].join(",");
  return refused.length === results.length ? codes : `partly ${codes}`;
}
