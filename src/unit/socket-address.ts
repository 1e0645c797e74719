/** Addresses that ListenStream= and its like take (systemd.socket(5)), and their form as the kernel's sockaddr bytes. Pure. */
import { parseInteger } from "#base/number.ts";
import { Complaint } from "./diagnostic.ts";
import { simplifyPath } from "./exec.ts";
import { expanded, type Grammar } from "./grammar.ts";

export type SocketAddress =
  | { readonly kind: "path"; readonly path: string }
  /** A name in Linux's abstract namespace, without the `@`. */
  | { readonly kind: "abstract"; readonly name: string }
  | { readonly kind: "inet"; readonly host: string; readonly port: number }
  /** `zone`: the interface of a link-local address. */
  | { readonly kind: "inet6"; readonly host: string; readonly port: number; readonly zone?: string }
  /** A port alone: every address of the machine, IPv6 or, where there is none, IPv4. */
  | { readonly kind: "any"; readonly port: number }
  | { readonly kind: "vsock" };

/** Room for a path in sockaddr_un, its final NUL included. */
const UNIX_PATH_BYTES = 108;

/** `80`, `127.0.0.1:80`, `[::1]:80`, `/run/web.sock`, `@abstract`. */
export const socketAddress: Grammar<SocketAddress> = expanded({
  name: "a port, an address such as 127.0.0.1:80 or [::1]:80, a path, or @name",
  parse: (value, { key }) => {
    const address = parseSocketAddress(value);
    if (typeof address === "string") {
      return new Complaint(`Failed to parse address value in '${value}', ignoring: ${address}`);
    }
    if (key === "ListenSequentialPacket" && address.kind !== "path" && address.kind !== "abstract") {
      return new Complaint(`Address family not supported, ignoring: ${value}`);
    }
    return address;
  },
});

const INVALID = "Invalid argument";
const OUT_OF_RANGE = "Numerical result out of range";

/** The address, or what systemd says is wrong with it. */
export function parseSocketAddress(value: string): SocketAddress | string {
  if (value.startsWith("/")) {
    const path = simplifyPath(value);
    return path !== "/" && byteLength(path) < UNIX_PATH_BYTES ? { kind: "path", path } : INVALID;
  }
  if (value.startsWith("@")) {
    const name = value.slice(1);
    return name !== "" && byteLength(name) < UNIX_PATH_BYTES ? { kind: "abstract", name } : INVALID;
  }
  if (value.startsWith("vsock:")) return /^vsock:\d*:\d+$/.test(value) ? { kind: "vsock" } : INVALID;
  const port = parseInteger(value, 0, 65_535);
  if (typeof port === "number") return port > 0 ? { kind: "any", port } : INVALID;
  return port === OUT_OF_RANGE ? port : parseInet(value);
}

function parseInet(value: string): SocketAddress | string {
  const [, host6, host4, portText = "", zone] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d+)(?:%([^\s/%]+))?$/.exec(value) ?? [];
  const port = Number(portText);
  if (host4 !== undefined && inet4Bytes(host4) !== undefined && zone === undefined) {
    return isPort(portText) ? { kind: "inet", host: host4, port } : OUT_OF_RANGE;
  }
  if (host6 === undefined || inet6Bytes(host6) === undefined) return INVALID;
  if (!isPort(portText)) return OUT_OF_RANGE;
  return { kind: "inet6", host: host6, port, ...(zone === undefined ? {} : { zone }) };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function inet4Bytes(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  const isGood =
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return isGood ? parts.map(Number) : undefined;
}

export function inet6Bytes(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted?.[2] === undefined ? [] : inet4Bytes(dotted[2]);
  if (tail === undefined) return undefined;
  const plain = dotted?.[1] === undefined ? text : dotted[1].replace(/([^:]):$/, "$1");
  const room = 8 - tail.length / 2;
  const halves = plain.split("::");
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (halves.length > 2 || groups.flat().some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const [head = [], rest] = groups;
  const missing = room - groups.flat().length;
  if (rest === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(rest === undefined ? 0 : missing).fill("0"), ...(rest ?? [])];
  const numbers = all.map((group) => Number.parseInt(group, 16));
  return [...numbers.flatMap((number) => [number >> 8, number & 255]), ...tail];
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** What only a machine knows of an address. */
export interface AddressFacts {
  readonly hasInet6: boolean;
  /** Index of a network interface; undefined: there is none of that name. */
  interfaceIndex(name: string): number | undefined;
}

/** The bytes of the sockaddr in hex, or what is wrong with the address here. */
export function encodeAddress(address: SocketAddress, facts: AddressFacts): string | Error {
  switch (address.kind) {
    case "path":
      return hex([...family(AF_UNIX), ...new TextEncoder().encode(address.path), 0]);
    case "abstract":
      return hex([...family(AF_UNIX), 0, ...new TextEncoder().encode(address.name)]);
    case "any":
      return facts.hasInet6
        ? hex(inet6(address.port, Array(16).fill(0), 0))
        : hex(inet4(address.port, [0, 0, 0, 0]));
    case "inet":
      return hex(inet4(address.port, inet4Bytes(address.host) ?? []));
    case "inet6": {
      const scope = address.zone === undefined ? 0 : facts.interfaceIndex(address.zone);
      if (scope === undefined) return new Error(`there is no network interface ${address.zone}`);
      return hex(inet6(address.port, inet6Bytes(address.host) ?? [], scope));
    }
    case "vsock":
      return new Error("vsock addresses are not supported by the embedded supervisor");
  }
}

/** Little-endian, as on every machine that Flotilla runs on; ports are in network order. */
function family(number: number): readonly number[] {
  return [number, 0];
}

function inet4(port: number, bytes: readonly number[]): readonly number[] {
  return [...family(AF_INET), port >> 8, port & 255, ...bytes, ...Array<number>(8).fill(0)];
}

function inet6(port: number, bytes: readonly number[], scope: number): readonly number[] {
  const scopeBytes = [0, 8, 16, 24].map((shift) => (scope >> shift) & 255);
  return [...family(AF_INET6), port >> 8, port & 255, 0, 0, 0, 0, ...bytes, ...scopeBytes];
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An end of a connection, as the kernel tells it. */
export type PeerAddress =
  | { readonly family: "unix" }
  | { readonly family: "inet" | "inet6"; readonly host: string; readonly port: number };

/** Reads the bytes of a sockaddr in hex; an IPv4 address that IPv6 wraps is told as IPv4. */
export function decodeAddress(text: string): PeerAddress {
  const bytes = (text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const port = (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0);
  if (bytes[0] === AF_INET) return { family: "inet", host: bytes.slice(4, 8).join("."), port };
  if (bytes[0] !== AF_INET6) return { family: "unix" };
  const address = bytes.slice(8, 24);
  const isMapped =
    address.slice(0, 10).every((byte) => byte === 0) && address[10] === 255 && address[11] === 255;
  if (isMapped) return { family: "inet", host: address.slice(12).join("."), port };
  return { family: "inet6", host: inet6Text(address), port };
}

/** The shortest form, RFC 5952: the longest run of at least two zero groups becomes `::`. */
function inet6Text(bytes: readonly number[]): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0),
  );
  const text = groups.map((group) => group.toString(16)).join(":");
  const runs = [...text.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  return text.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}

/** The address as a person writes it. */
export function formatAddress(address: SocketAddress): string {
  switch (address.kind) {
    case "path":
      return address.path;
    case "abstract":
      return `@${address.name}`;
    case "any":
      return `[::]:${address.port}`;
    case "inet":
      return `${address.host}:${address.port}`;
    case "inet6":
      return `[${address.host}]:${address.port}${address.zone === undefined ? "" : `%${address.zone}`}`;
    case "vsock":
      return "vsock";
  }
}
