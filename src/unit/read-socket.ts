/** [Socket] of a unit file as typed settings, with systemd's defaults and refusals (systemd.socket(5)). Times are milliseconds. */
import { present } from "#base/present.ts";
import { type Diagnostic, hasErrors, inOrder } from "./diagnostic.ts";
import type { ExecSettings } from "./exec-settings.ts";
import { listInOrder } from "./listed.ts";
import { readExec } from "./read-exec.ts";
import { type ResourceLimits, readResources } from "./resources.ts";
import { SectionReader } from "./section-reader.ts";
import type { ExecCommand } from "./service.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

/** Something that is listened on; each becomes one file descriptor of the service. */
export type ListenPort =
  | { readonly kind: "stream" | "datagram" | "sequential-packet"; readonly address: SocketAddress }
  | { readonly kind: "fifo"; readonly path: string }
  /** What this supervisor cannot open, as the unit file says it: `ListenNetlink=route`. */
  | { readonly kind: "unsupported"; readonly setting: string };

/** What is set on sockets; absent: left to the kernel. */
export interface SocketOptions {
  readonly protocol?: "udplite" | "sctp" | "mptcp";
  readonly bindIpv6Only: "default" | "both" | "ipv6-only";
  readonly bindToDevice?: string;
  readonly reusePort: boolean;
  readonly freeBind: boolean;
  readonly transparent: boolean;
  readonly broadcast: boolean;
  readonly passCredentials: boolean;
  readonly passSecurity: boolean;
  readonly passPacketInfo: boolean;
  readonly timestamping: "off" | "us" | "ns";
  readonly keepAlive: boolean;
  readonly keepAliveMs?: number;
  readonly keepAliveIntervalMs?: number;
  readonly keepAliveProbes?: number;
  readonly deferAcceptMs?: number;
  readonly noDelay: boolean;
  readonly priority?: number;
  readonly receiveBuffer?: number;
  readonly sendBuffer?: number;
  readonly ipTos?: number;
  readonly ipTtl?: number;
  readonly mark?: number;
  readonly tcpCongestion?: string;
  readonly pipeSize?: number;
}

export interface SocketSettings {
  readonly ports: readonly ListenPort[];
  readonly options: SocketOptions;
  readonly backlog: number;
  /** Whether each connection gets an instance of its own of the template of the same name. */
  readonly accept: boolean;
  /** The service that gets the sockets; undefined where connections are accepted. */
  readonly service: string | undefined;
  readonly maxConnections: number;
  /** 0: as many as there may be in all. */
  readonly maxConnectionsPerSource: number;
  readonly fileDescriptorName: string;
  readonly flushPending: boolean;
  readonly user?: string;
  readonly group?: string;
  readonly socketMode: number;
  readonly directoryMode: number;
  readonly symlinks: readonly string[];
  readonly removeOnStop: boolean;
  readonly triggerLimit: { readonly intervalMs: number; readonly burst: number };
  readonly timeoutMs: number;
  /** How the commands are run. */
  readonly exec: ExecSettings;
  /** What they are held to, and the slice their control group is in. */
  readonly resources: ResourceLimits;
  readonly slice?: string;
  readonly execStartPre: readonly ExecCommand[];
  readonly execStartPost: readonly ExecCommand[];
  readonly execStopPre: readonly ExecCommand[];
  readonly execStopPost: readonly ExecCommand[];
}

export interface SocketReading {
  /** Undefined when an error makes the unit one that cannot run. */
  readonly settings: SocketSettings | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_TIMEOUT_MS = 90_000;
const DEFAULT_BACKLOG = 4096;
const DEFAULT_MAX_CONNECTIONS = 64;

/** Reads a socket unit. Never throws; what is wrong is in the diagnostics, in systemd's words. */
export function readSocket(file: UnitFile, context: SpecifierContext): SocketReading {
  const socket = new SectionReader(file, "Socket", context);
  const settings = readSettings(file, socket, context);
  const refusal = hasErrors(socket.diagnostics) ? undefined : refusalOf(settings, socket);
  const refusals: readonly Diagnostic[] =
    refusal === undefined
      ? []
      : [{ severity: "error", code: "bad-combination", place: file.placeOfSection("Socket"), ...refusal }];
  const diagnostics = inOrder([...file.diagnostics, ...socket.diagnostics, ...refusals]);
  return { settings: hasErrors(diagnostics) ? undefined : settings, diagnostics };
}

type SocketReader = SectionReader<"Socket">;

function readSettings(file: UnitFile, socket: SocketReader, context: SpecifierContext): SocketSettings {
  const accept = socket.last("Accept") ?? false;
  const exec = readExec(socket, context);
  const slice = socket.last("Slice");
  const { full, suffix } = context.unit;
  return {
    ports: readPorts(file, socket),
    options: readOptions(socket),
    backlog: socket.last("Backlog") ?? DEFAULT_BACKLOG,
    accept,
    service: accept ? undefined : (socket.last("Service") ?? `${full.slice(0, -suffix.length)}service`),
    maxConnections: socket.last("MaxConnections") ?? DEFAULT_MAX_CONNECTIONS,
    maxConnectionsPerSource: socket.last("MaxConnectionsPerSource") ?? 0,
    fileDescriptorName: socket.last("FileDescriptorName") ?? full,
    flushPending: socket.last("FlushPending") ?? false,
    ...present("user", socket.last("SocketUser")),
    ...present("group", socket.last("SocketGroup")),
    socketMode: socket.last("SocketMode") ?? 0o666,
    directoryMode: socket.last("DirectoryMode") ?? 0o755,
    symlinks: socket.all("Symlinks").flat(),
    removeOnStop: socket.last("RemoveOnStop") ?? false,
    triggerLimit: {
      intervalMs: socket.last("TriggerLimitIntervalSec") ?? 2000,
      burst: socket.last("TriggerLimitBurst") ?? (accept ? 200 : 20),
    },
    timeoutMs: socket.last("TimeoutSec") ?? DEFAULT_TIMEOUT_MS,
    exec,
    resources: readResources(socket, exec.sandbox),
    ...(slice === undefined ? {} : { slice }),
    execStartPre: socket.all("ExecStartPre").flat(),
    execStartPost: socket.all("ExecStartPost").flat(),
    execStopPre: socket.all("ExecStopPre").flat(),
    execStopPost: socket.all("ExecStopPost").flat(),
  };
}

const ADDRESS_KINDS = {
  ListenStream: "stream",
  ListenDatagram: "datagram",
  ListenSequentialPacket: "sequential-packet",
} as const;
const ADDRESS_KEYS = ["ListenStream", "ListenDatagram", "ListenSequentialPacket"] as const;
const TEXT_KEYS = [
  "ListenFIFO",
  "ListenSpecial",
  "ListenNetlink",
  "ListenMessageQueue",
  "ListenUSBFunction",
] as const;
type ListenKey = (typeof ADDRESS_KEYS)[number] | (typeof TEXT_KEYS)[number];

function readPorts(file: UnitFile, socket: SocketReader): readonly ListenPort[] {
  const keys: readonly ListenKey[] = [...ADDRESS_KEYS, ...TEXT_KEYS];
  const listed = listInOrder<ListenKey, SocketAddress | string>(file, "Socket", keys, (key) =>
    socket.located(key),
  );
  return listed.map(({ key, value }) => portOf(key, value));
}

function portOf(key: ListenKey, value: SocketAddress | string): ListenPort {
  if (typeof value === "string") {
    return key === "ListenFIFO"
      ? { kind: "fifo", path: value }
      : { kind: "unsupported", setting: `${key}=${value}` };
  }
  if (value.kind === "vsock") return { kind: "unsupported", setting: `${key}=vsock:` };
  const kind = ADDRESS_KEYS.find((other) => other === key);
  return { kind: kind === undefined ? "stream" : ADDRESS_KINDS[kind], address: value };
}

function readOptions(socket: SocketReader): SocketOptions {
  const precision = socket.last("Timestamping") ?? "off";
  return {
    bindIpv6Only: socket.last("BindIPv6Only") ?? "default",
    reusePort: socket.last("ReusePort") ?? false,
    freeBind: socket.last("FreeBind") ?? false,
    transparent: socket.last("Transparent") ?? false,
    broadcast: socket.last("Broadcast") ?? false,
    passCredentials: socket.last("PassCredentials") ?? false,
    passSecurity: socket.last("PassSecurity") ?? false,
    passPacketInfo: socket.last("PassPacketInfo") ?? false,
    timestamping: precision === "off" ? "off" : precision.startsWith("n") ? "ns" : "us",
    keepAlive: socket.last("KeepAlive") ?? false,
    noDelay: socket.last("NoDelay") ?? false,
    ...present("protocol", socket.last("SocketProtocol")),
    ...present("bindToDevice", socket.last("BindToDevice")),
    ...present("keepAliveMs", socket.last("KeepAliveTimeSec")),
    ...present("keepAliveIntervalMs", socket.last("KeepAliveIntervalSec")),
    ...present("keepAliveProbes", socket.last("KeepAliveProbes")),
    ...present("deferAcceptMs", socket.last("DeferAcceptSec")),
    ...present("priority", socket.last("Priority")),
    ...present("receiveBuffer", socket.last("ReceiveBuffer")),
    ...present("sendBuffer", socket.last("SendBuffer")),
    ...present("ipTos", socket.last("IPTOS")),
    ...present("ipTtl", socket.last("IPTTL")),
    ...present("mark", socket.last("Mark")),
    ...present("tcpCongestion", socket.last("TCPCongestion")),
    ...present("pipeSize", socket.last("PipeSize")),
  };
}

function refusalOf(
  settings: SocketSettings,
  socket: SocketReader,
): Pick<Diagnostic, "message" | "hint"> | undefined {
  const { ports, accept, maxConnections, symlinks } = settings;
  if (ports.length === 0) {
    return {
      message: "Unit has no Listen setting (ListenStream=, ListenDatagram=, ListenFIFO=, ...). Refusing.",
      hint: "add ListenStream= with a port or a path",
    };
  }
  const accepting = ports.every(({ kind }) => kind === "stream" || kind === "sequential-packet");
  if (accept && !accepting) {
    return {
      message: "Unit configured for accepting sockets, but sockets are non-accepting. Refusing.",
      hint: "Accept=yes goes with ListenStream= and ListenSequentialPacket= alone",
    };
  }
  if (accept && maxConnections === 0) return { message: "MaxConnection= setting too small. Refusing." };
  if (accept && socket.last("Service") !== undefined) {
    return {
      message: "Explicit service configuration for accepting socket units not supported. Refusing.",
      hint: "with Accept=yes each connection gets an instance of the template of the same name",
    };
  }
  if (symlinks.length > 0 && nodesOf(ports).length !== 1) {
    return { message: "Unit has symlinks set but none or more than one node in the file system. Refusing." };
  }
  return undefined;
}

/** Paths in the file system that the ports make. */
export function nodesOf(ports: readonly ListenPort[]): readonly string[] {
  return ports.flatMap((port) => {
    if (port.kind === "fifo") return [port.path];
    return "address" in port && port.address.kind === "path" ? [port.address.path] : [];
  });
}
