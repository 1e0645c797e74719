/** Keys of the units that start others: [Timer], [Path], [Socket]. Manuals: systemd.timer(5), .path(5), .socket(5). */
import { parseDuration } from "#base/duration.ts";
import { calendar } from "../calendar.ts";
import { Complaint } from "../diagnostic.ts";
import { execCommands } from "../exec.ts";
import { expanded, type Grammar, grammar, oneOf } from "../grammar.ts";
import { first, last, list } from "../key.ts";
import { account } from "../service-values.ts";
import { socketAddress } from "../socket-address.ts";
import {
  absolutePaths,
  bindIpv6Only,
  fileDescriptorName,
  interfaceName,
  ipTos,
  netlinkAddress,
  serviceName,
  timestamping,
} from "../socket-values.ts";
import {
  boolean,
  expandedText,
  int,
  listedPath,
  long,
  mode,
  patchVarRun,
  size,
  stopTimeout,
  text,
  timeSpan,
  unitName,
  unsigned,
  watchedPath,
} from "../values.ts";
import { CGROUP_KEYS } from "./cgroup.ts";
import { EXEC_KEYS } from "./exec.ts";
import { KILL_KEYS } from "./kill.ts";

const timerSpan = expanded(
  grammar(timeSpan.name, (value) => parseDuration(value), "Failed to parse timer value, ignoring: %v"),
);

/** A name in the file system; the path below /var/run is that below /run. */
const fifoPath: Grammar<string> = {
  name: listedPath.name,
  parse: (value, context) => {
    const path = listedPath.parse(value, context);
    return path instanceof Complaint ? path : patchVarRun(path, context);
  },
};

export const TIMER_KEYS = {
  OnActiveSec: list(timerSpan, "run"),
  OnBootSec: list(timerSpan, "run"),
  OnStartupSec: list(timerSpan, "run"),
  OnUnitActiveSec: list(timerSpan, "run"),
  OnUnitInactiveSec: list(timerSpan, "run"),
  OnCalendar: list(expanded(calendar), "run"),
  OnClockChange: last(boolean, "run", { since: 242 }),
  OnTimezoneChange: last(boolean, "run", { since: 242 }),
  AccuracySec: last(timeSpan, "run"),
  RandomizedDelaySec: last(timeSpan, "run"),
  FixedRandomDelay: last(boolean, "run", { since: 247 }),
  Persistent: last(boolean, "run"),
  WakeSystem: last(boolean),
  RemainAfterElapse: last(boolean, "run"),
  Unit: first(unitName, "run"),
} as const;

export const PATH_KEYS = {
  PathExists: list(watchedPath, "run"),
  PathExistsGlob: list(watchedPath, "run"),
  PathChanged: list(watchedPath, "run"),
  PathModified: list(watchedPath, "run"),
  DirectoryNotEmpty: list(watchedPath, "run"),
  Unit: first(unitName, "run"),
  MakeDirectory: last(boolean, "run"),
  DirectoryMode: last(mode, "run"),
  TriggerLimitIntervalSec: last(timeSpan, "run", { since: 250 }),
  TriggerLimitBurst: last(unsigned, "run", { since: 250 }),
} as const;

export const SOCKET_KEYS = {
  ListenStream: list(socketAddress, "run"),
  ListenDatagram: list(socketAddress, "run"),
  ListenSequentialPacket: list(socketAddress, "run"),
  ListenFIFO: list(fifoPath, "run"),
  ListenSpecial: list(listedPath),
  ListenNetlink: list(netlinkAddress),
  ListenMessageQueue: list(listedPath),
  ListenUSBFunction: list(listedPath),
  SocketProtocol: last(oneOf("socket protocol", ["udplite", "sctp", "mptcp"]), "run"),
  BindIPv6Only: last(bindIpv6Only, "run"),
  Backlog: last(unsigned, "run"),
  BindToDevice: last(interfaceName, "run"),
  ExecStartPre: list(execCommands, "run"),
  ExecStartPost: list(execCommands, "run"),
  ExecStopPre: list(execCommands, "run"),
  ExecStopPost: list(execCommands, "run"),
  TimeoutSec: last(stopTimeout, "run"),
  SocketUser: last(account, "run"),
  SocketGroup: last(account, "run"),
  SocketMode: last(mode, "run"),
  DirectoryMode: last(mode, "run"),
  Accept: last(boolean, "run"),
  FlushPending: last(boolean, "run", { since: 247 }),
  Writable: last(boolean),
  MaxConnections: last(unsigned, "run"),
  MaxConnectionsPerSource: last(unsigned, "run"),
  KeepAlive: last(boolean, "run"),
  KeepAliveTimeSec: last(timeSpan, "run"),
  KeepAliveIntervalSec: last(timeSpan, "run"),
  KeepAliveProbes: last(unsigned, "run"),
  DeferAcceptSec: last(timeSpan, "run"),
  NoDelay: last(boolean, "run"),
  Priority: last(int, "run"),
  ReceiveBuffer: last(size, "run"),
  SendBuffer: last(size, "run"),
  IPTOS: last(ipTos, "run"),
  IPTTL: last(int, "run"),
  Mark: last(int, "run"),
  PipeSize: last(size, "run"),
  FreeBind: last(boolean, "run"),
  Transparent: last(boolean, "run"),
  Broadcast: last(boolean, "run"),
  PassCredentials: last(boolean, "run"),
  PassSecurity: last(boolean, "run"),
  PassPacketInfo: last(boolean, "run", { since: 246 }),
  Timestamping: last(timestamping, "run", { since: 247 }),
  TCPCongestion: last(text, "run"),
  ReusePort: last(boolean, "run"),
  MessageQueueMaxMessages: last(long),
  MessageQueueMessageSize: last(long),
  RemoveOnStop: last(boolean, "run"),
  Symlinks: list(absolutePaths, "run"),
  FileDescriptorName: last(fileDescriptorName, "run"),
  Service: last(serviceName, "run"),
  TriggerLimitIntervalSec: last(timeSpan, "run"),
  TriggerLimitBurst: last(unsigned, "run"),
  PollLimitIntervalSec: last(timeSpan, "ignored", { since: 255 }),
  PollLimitBurst: last(unsigned, "ignored", { since: 255 }),
  SmackLabel: last(expandedText),
  SmackLabelIPIn: last(expandedText),
  SmackLabelIPOut: last(expandedText),
  SELinuxContextFromNet: last(boolean),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;
