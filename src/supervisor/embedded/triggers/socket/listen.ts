/** The ports of a socket unit as its shim is asked to open them: numbers of the kernel's instead of words. Pure. */
import { type ListenPort, nodesOf, type SocketOptions, type SocketSettings } from "#unit/read-socket.ts";
import { type AddressFacts, encodeAddress, type SocketAddress } from "#unit/socket-address.ts";
import type { PortRequest } from "../../shim/protocol.ts";

/** Who shall own the files of sockets; undefined: whoever makes them. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const TYPES = { stream: 1, datagram: 2, "sequential-packet": 5 } as const;
const PROTOCOLS = { sctp: 132, udplite: 136, mptcp: 262 } as const;

/** The request for one port, or why it cannot be made here. */
export function portRequest(
  settings: SocketSettings,
  index: number,
  owner: Owner | undefined,
  facts: AddressFacts,
): PortRequest | Error {
  const port = settings.ports[index];
  if (port === undefined || port.kind === "unsupported") {
    return new Error(`${port?.setting} is not supported by the embedded supervisor`);
  }
  const common = {
    port: index,
    mode: settings.socketMode.toString(8),
    dir_mode: settings.directoryMode.toString(8),
    backlog: Math.min(settings.backlog, 2 ** 31 - 1),
    symlink: nodesOf([port]).length > 0 ? settings.symlinks : [],
    replace: settings.removeOnStop ? (1 as const) : (0 as const),
    ...owner,
  };
  if (port.kind === "fifo") {
    return {
      ...common,
      type: "fifo",
      protocol: 0,
      address: "",
      path: port.path,
      option: [],
      ...(settings.options.pipeSize === undefined ? {} : { pipe_size: settings.options.pipeSize }),
    };
  }
  const address = encodeAddress(port.address, facts);
  if (address instanceof Error) return address;
  return {
    ...common,
    type: TYPES[port.kind],
    protocol: protocolOf(port, settings.options),
    address,
    path: port.address.kind === "path" ? port.address.path : "",
    option: socketOptions(port, settings.options),
  };
}

type AddressPort = Extract<ListenPort, { address: SocketAddress }>;

function protocolOf({ kind, address }: AddressPort, { protocol }: SocketOptions): number {
  if (protocol === undefined || isUnix(address)) return 0;
  const isDatagram = kind === "datagram";
  return (protocol === "udplite") === isDatagram ? PROTOCOLS[protocol] : 0;
}

function isUnix({ kind }: SocketAddress): boolean {
  return kind === "path" || kind === "abstract";
}

const SOL_SOCKET = 1;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;

type Row = readonly [wanted: boolean, level: number, name: number, value: number | string, title: string];

function socketOptions(port: AddressPort, options: SocketOptions): readonly string[] {
  const rows = [...bindOptions(port, options), ...plainOptions(port, options)];
  return rows
    .filter(([wanted]) => wanted)
    .map(([, level, name, value, title]) => formatOption(level, name, value, title));
}

/** What decides where a socket is bound; a port without it would be another one. */
function bindOptions({ address }: AddressPort, options: SocketOptions): readonly Row[] {
  const { bindIpv6Only, bindToDevice = "" } = options;
  const isInet = !isUnix(address);
  const isInet6 = address.kind === "inet6" || address.kind === "any";
  const only = bindIpv6Only === "ipv6-only" ? 1 : 0;
  const level = isInet6 ? IPPROTO_IPV6 : IPPROTO_IP;
  return [
    [isInet6 && bindIpv6Only !== "default", IPPROTO_IPV6, 26, only, "!IPV6_V6ONLY"],
    [isInet && bindToDevice !== "", SOL_SOCKET, 25, bindToDevice, "!SO_BINDTODEVICE"],
    [options.reusePort, SOL_SOCKET, 15, 1, "SO_REUSEPORT"],
    [isInet && options.freeBind, level, isInet6 ? 78 : 15, 1, "IP_FREEBIND"],
    [isInet && options.transparent, level, isInet6 ? 75 : 19, 1, "IP_TRANSPARENT"],
  ];
}

function plainOptions({ kind, address }: AddressPort, options: SocketOptions): readonly Row[] {
  const isTcp = !isUnix(address) && kind === "stream";
  const isInet = !isUnix(address);
  const isInet6 = address.kind === "inet6" || address.kind === "any";
  const number = (
    value: number | undefined,
    level: number,
    name: number,
    title: string,
    applies = true,
  ): Row => [value !== undefined && value >= 0 && applies, level, name, Math.floor(value ?? 0), title];
  const seconds = (ms: number | undefined): number | undefined =>
    ms === undefined || ms < 1000 ? undefined : ms / 1000;
  return [
    [options.keepAlive, SOL_SOCKET, 9, 1, "SO_KEEPALIVE"],
    number(seconds(options.keepAliveMs), IPPROTO_TCP, 4, "TCP_KEEPIDLE", isTcp),
    number(seconds(options.keepAliveIntervalMs), IPPROTO_TCP, 5, "TCP_KEEPINTVL", isTcp),
    number(options.keepAliveProbes, IPPROTO_TCP, 6, "TCP_KEEPCNT", isTcp),
    number(seconds(options.deferAcceptMs), IPPROTO_TCP, 9, "TCP_DEFER_ACCEPT", isTcp),
    [options.noDelay && isTcp, IPPROTO_TCP, 1, 1, "TCP_NODELAY"],
    [options.broadcast, SOL_SOCKET, 6, 1, "SO_BROADCAST"],
    [options.passCredentials, SOL_SOCKET, 16, 1, "SO_PASSCRED"],
    [options.passSecurity, SOL_SOCKET, 34, 1, "SO_PASSSEC"],
    [
      options.passPacketInfo && isInet,
      isInet6 ? IPPROTO_IPV6 : IPPROTO_IP,
      isInet6 ? 49 : 8,
      1,
      "IP_PKTINFO",
    ],
    [options.timestamping === "us", SOL_SOCKET, 29, 1, "SO_TIMESTAMP"],
    [options.timestamping === "ns", SOL_SOCKET, 35, 1, "SO_TIMESTAMPNS"],
    number(options.priority, SOL_SOCKET, 12, "SO_PRIORITY"),
    number(options.receiveBuffer, SOL_SOCKET, 8, "SO_RCVBUF"),
    number(options.sendBuffer, SOL_SOCKET, 7, "SO_SNDBUF"),
    number(options.mark, SOL_SOCKET, 36, "SO_MARK"),
    number(options.ipTos, IPPROTO_IP, 1, "IP_TOS", isInet),
    number(options.ipTtl, isInet6 ? IPPROTO_IPV6 : IPPROTO_IP, isInet6 ? 16 : 2, "IP_TTL", isInet),
    [
      (options.tcpCongestion ?? "") !== "" && isTcp,
      IPPROTO_TCP,
      13,
      options.tcpCongestion ?? "",
      "TCP_CONGESTION",
    ],
  ];
}

function formatOption(level: number, name: number, value: number | string, title: string): string {
  const bytes = typeof value === "number" ? littleEndian(value) : hexText(value);
  const isRequired = title.startsWith("!");
  return `${isRequired ? "!" : ""}${level}:${name}:${bytes}:${title.replace("!", "")}`;
}

/** A C int. */
function littleEndian(value: number): string {
  const bounded = Math.min(value, 2 ** 32 - 1);
  return [0, 8, 16, 24].map((shift) => ((bounded / 2 ** shift) & 255).toString(16).padStart(2, "0")).join("");
}

function hexText(text: string): string {
  return [...new TextEncoder().encode(`${text}\0`)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
