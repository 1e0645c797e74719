/**
 * What daemon and shim say to each other; shim.pl is the other end. The spawner is spoken to in the same form.
 *
 * A message is a line: a verb and `key=value` fields, separated by tabs, with %, tab, newline and NUL written as %XX.
 * Run numbers are given by the daemon and never reused for a unit's shim, so that a request that is repeated after the
 * daemon died does nothing twice.
 */
import { type RunRequest, runFields } from "./run-request.ts";

export type ShimRequest =
  | { readonly kind: "run"; readonly request: RunRequest }
  /** Makes a process the shim did not start itself a run; `guess`: the only one that is left over. `foreign`: it may be none of the unit's. */
  | {
      readonly kind: "watch";
      readonly run: number;
      readonly pid: number | "guess";
      readonly foreign?: 0 | 1;
    }
  /** Commands that wait for their turn may go on. */
  | { readonly kind: "proceed" }
  /** Signals one run's main process, or everything. KILL to everything goes on until nothing is left. */
  | ({
      readonly kind: "kill";
      readonly signal: string;
      readonly run?: number;
      readonly cgroup?: string;
    } & Partial<Naming>)
  /** Only names every process of the unit. */
  | ({ readonly kind: "name" } & Naming)
  /** A line of the supervisor's own for the unit's journal; `fields` in the form of journal/record.ts. */
  | { readonly kind: "log"; readonly priority: number; readonly text: string; readonly fields?: string }
  /** What a later daemon shall get; events up to `seq` are in it and are forgotten. */
  | { readonly kind: "save"; readonly seq: number; readonly state: string }
  /** The unit may run until then, milliseconds of /proc/uptime, and is killed after that; without, for as long as it likes. */
  | { readonly kind: "hold"; readonly until?: number; readonly cgroup?: string }
  /** Tell of kills for want of memory, which this file of the unit's cgroup counts. */
  | { readonly kind: "memory"; readonly file: string }
  /** Tell of a stored file descriptor that hangs up. */
  | { readonly kind: "poll-stored"; readonly fd: number }
  | { readonly kind: "drop-stored"; readonly fd: readonly number[] }
  | SocketRequest
  | PathRequest
  /** The unit is at rest: end as soon as no process is left. */
  | { readonly kind: "quit" };

/** What the shim of a socket unit is asked for; sockets.pl does it. */
export type SocketRequest =
  | ({ readonly kind: "listen" } & PortRequest)
  /** Tell of traffic once; with `accept` of each connection that was taken. `flush`: forget what waits first. */
  | { readonly kind: "poll"; readonly accept: 0 | 1; readonly flush: 0 | 1 }
  | { readonly kind: "unpoll" }
  /** Let go of a connection. */
  | { readonly kind: "drop"; readonly connection: number }
  /** Close every port and remove these files. */
  | { readonly kind: "unlisten"; readonly remove: readonly string[] };

/** A port to open; all numbers are the kernel's. */
export interface PortRequest {
  /** Its place in the unit file, from 0. */
  readonly port: number;
  /** SOCK_STREAM and its like. */
  readonly type: number | "fifo";
  readonly protocol: number;
  /** A sockaddr in hex. */
  readonly address: string;
  /** The file it makes; empty when it makes none. */
  readonly path: string;
  /** Octal. */
  readonly mode: string;
  readonly dir_mode: string;
  readonly backlog: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Links to the file; with `replace` in the place of whatever is there. */
  readonly symlink: readonly string[];
  readonly replace: 0 | 1;
  /** Of a FIFO, bytes. */
  readonly pipe_size?: number;
  /** `level:name:value:title`, the value in hex; with `!` before it, failing is the port's failure. */
  readonly option: readonly string[];
}

/** What the shim of a path unit is asked for; paths.pl does it. Masks are inotify's, for the paths themselves. */
export type PathRequest =
  | { readonly kind: "observe"; readonly path: readonly string[]; readonly mask: readonly number[] }
  | { readonly kind: "unobserve" };

export type ShimEvent = ProcessEvent | SocketEvent | PathEvent;

/** What a unit's processes do. */
export type ProcessEvent =
  | { readonly kind: "started"; readonly run: number; readonly pid: number }
  | { readonly kind: "execed"; readonly run: number }
  | { readonly kind: "failed"; readonly run: number; readonly step: string; readonly error: string }
  | {
      readonly kind: "exited";
      readonly run: number;
      readonly pid: number;
      /** Neither code nor signal: how it ended is not known, as it was none of the unit's. */
      readonly code?: number;
      /** Number of the signal. */
      readonly signal?: number;
      readonly core: boolean;
      /** No process of the unit is left. */
      readonly last: boolean;
    }
  /** Process 0: it cannot be the main one, or there is more than one to guess from. `foreign`: it is none of the unit's. */
  | {
      readonly kind: "adopted";
      readonly run: number;
      readonly pid: number;
      readonly foreign?: boolean;
      readonly refusal?: WatchRefusal;
    }
  /** The time has come until which the unit might run. */
  | { readonly kind: "expired" }
  /** The kernel has killed a process of the unit for want of memory. */
  | { readonly kind: "oom" }
  /** A message on the notification socket; `run` is the run whose main process sent it. */
  | {
      readonly kind: "notify";
      readonly pid: number;
      /** The sender's user. */
      readonly uid: number;
      readonly run?: number;
      readonly text: string;
      /** What it wants stored. */
      readonly fds: readonly SentDescriptor[];
    }
  /** The other end of a stored file descriptor is gone. */
  | { readonly kind: "hangup"; readonly fd: number }
  /** No process of the unit is left. */
  | { readonly kind: "empty" };

/** Why a process cannot be the main one: it is none of the unit's and nobody vouches for it, it is not there, or its end could not be seen. */
export type WatchRefusal = "foreign" | "gone" | "unwatched";
const WATCH_REFUSALS: readonly WatchRefusal[] = ["foreign", "gone", "unwatched"];

/** A file descriptor that a service has sent, which the shim holds under a number. */
export interface SentDescriptor {
  readonly fd: number;
  /** Those that it held before and that are the same. */
  readonly same: readonly number[];
}

/** What happens at the ports of a socket unit. */
export type SocketEvent =
  | { readonly kind: "opened"; readonly port: number; readonly error?: string }
  /** Something waits at a port. */
  | { readonly kind: "incoming" }
  /** A connection was taken; both ends are sockaddrs in hex, process and user are those of the other end where it is on this machine. */
  | {
      readonly kind: "accepted";
      readonly connection: number;
      readonly local: string;
      readonly remote: string;
      readonly pid: number;
      readonly uid: number;
    };

/** What happens at the paths of a path unit. */
export type PathEvent =
  | { readonly kind: "observed"; readonly error?: string }
  /** `primary`: the path itself has changed, and nothing is observed any more. */
  | { readonly kind: "touched"; readonly spec: number; readonly primary: boolean };

const OTHER_EVENTS: ReadonlySet<ShimEvent["kind"]> = new Set<(SocketEvent | PathEvent)["kind"]>([
  "opened",
  "incoming",
  "accepted",
  "observed",
  "touched",
]);

/** Whether it is about processes; every unit with commands has such events. */
export function isProcessEvent(event: ShimEvent): event is ProcessEvent {
  return !OTHER_EVENTS.has(event.kind);
}

/** A line in the journal for each process: these words, its number and name between them. */
export interface Naming {
  readonly priority: number;
  readonly before: string;
  readonly after: string;
  readonly fields: string;
}

/** What a shim says first to whoever connects. */
export interface Hello {
  readonly shim: number;
  /** The last state a daemon saved here; empty when there is none yet. */
  readonly saved: string;
}

export type ShimMessage =
  /** A new file of the journal has been begun, so that there may be too much of it. Told only to who listens. */
  | { readonly kind: "rotated" }
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "event"; readonly seq: number; readonly event: ShimEvent };

type Field = readonly [key: string, value: string | number];

const ESCAPED = new Map([
  ["%", "%25"],
  ["\t", "%09"],
  ["\n", "%0A"],
  ["\0", "%00"],
]);

/** A request as the bytes of one line. */
export function encodeRequest(request: ShimRequest): string {
  return encodeLine(request.kind, request.kind === "run" ? runFields(request.request) : plainFields(request));
}

/** Any message as the bytes of one line. */
export function encodeLine(verb: string, fields: readonly Field[]): string {
  const encoded = fields.map(([key, value]) => `\t${key}=${escapeValue(String(value))}`);
  return `${verb}${encoded.join("")}\n`;
}

/** Lines within a line, behind it and parted by NULs, which stand in none as they are. */
export function encodeWithin(line: string, inner: string): string {
  return `${line}${inner}`.slice(0, -1).replaceAll("\n", "\0").concat("\n");
}

/** A value as it stands in a line, here and in a journal's source. */
export function escapeValue(value: string): string {
  return value.replace(/[%\t\n\0]/g, (character) => ESCAPED.get(character) ?? character);
}

function plainFields(request: Exclude<ShimRequest, { kind: "run" }>): readonly Field[] {
  const { kind: _, ...fields } = request;
  return Object.entries(fields).flatMap(([key, value]) => each(key, Array.isArray(value) ? value : [value]));
}

function each(key: string, values: readonly (string | number)[]): Field[] {
  return values.map((value) => [key, value]);
}

/** A line of the shim; undefined for a verb this version does not know. */
export function decodeMessage(line: string): ShimMessage | undefined {
  const { verb: kind, fields } = decodeFields(line);
  const text = (key: string): string => fields.get(key) ?? "";
  if (kind === "hello") {
    return { kind, hello: { shim: Number(text("shim")), saved: text("saved") } };
  }
  if (kind === "rotated") return { kind };
  const event = decodeEvent(kind, fields);
  return event === undefined ? undefined : { kind: "event", seq: Number(text("seq")), event };
}

/** The verb and the fields of any message; none of those that are received has two fields of one key. */
export function decodeFields(line: string): {
  readonly verb: string;
  readonly fields: ReadonlyMap<string, string>;
} {
  const [verb = "", ...pairs] = line.split("\t");
  return { verb, fields: new Map(pairs.map(decodePair)) };
}

function decodePair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  const value = pair
    .slice(at + 1)
    .replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return [pair.slice(0, at), value];
}

function decodeEvent(kind: string, fields: ReadonlyMap<string, string>): ShimEvent | undefined {
  const text = (key: string): string => fields.get(key) ?? "";
  const run = Number(text("run"));
  const pid = Number(text("pid"));
  switch (kind) {
    case "started":
      return { kind, run, pid };
    case "adopted":
      return { kind, run, pid, ...adoption(fields) };
    case "execed":
      return { kind, run };
    case "failed":
      return { kind, run, step: text("step"), error: text("error") };
    case "exited":
      return {
        kind,
        run,
        pid,
        core: text("core") === "1",
        last: text("last") === "1",
        ...numbers(fields, "code"),
        ...numbers(fields, "signal"),
      };
    case "notify":
      return {
        kind,
        pid,
        uid: Number(text("uid")),
        text: text("text"),
        fds: descriptors(text("fds")),
        ...numbers(fields, "run"),
      };
    case "hangup":
      return { kind, fd: Number(text("fd")) };
    case "empty":
    case "expired":
    case "oom":
    case "incoming":
      return { kind };
    case "observed":
      return { kind, ...texts(fields, "error") };
    case "touched":
      return { kind, spec: Number(text("spec")), primary: text("primary") === "1" };
    case "opened":
      return { kind, port: Number(text("port")), ...texts(fields, "error") };
    case "accepted":
      return {
        kind,
        connection: Number(text("connection")),
        local: text("local"),
        remote: text("remote"),
        pid,
        uid: Number(text("uid")),
      };
    default:
      return undefined;
  }
}

function adoption(fields: ReadonlyMap<string, string>): { foreign?: boolean; refusal?: WatchRefusal } {
  const refusal = WATCH_REFUSALS.find((one) => one === fields.get("refusal"));
  if (refusal !== undefined) return { refusal };
  return fields.get("foreign") === "1" ? { foreign: true } : {};
}

function descriptors(text: string): readonly SentDescriptor[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const [fd = 0, ...same] = part.split(":").map(Number);
    return { fd, same };
  });
}

function numbers<K extends string>(fields: ReadonlyMap<string, string>, key: K): Partial<Record<K, number>> {
  const value = fields.get(key);
  const found: Partial<Record<K, number>> = {};
  if (value !== undefined && value !== "") found[key] = Number(value);
  return found;
}

function texts<K extends string>(fields: ReadonlyMap<string, string>, key: K): Partial<Record<K, string>> {
  const value = fields.get(key);
  const found: Partial<Record<K, string>> = {};
  if (value !== undefined) found[key] = value;
  return found;
}
