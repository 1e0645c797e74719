/** Grammars of settings for a unit's network traffic: systemd.resource-control(5), NETWORK ACCOUNTING AND CONTROL. */
import { parseInteger } from "#base/number.ts";
import { Complaint } from "./diagnostic.ts";
import { type Grammar, unresolved } from "./grammar.ts";
import { inet4Bytes, inet6Bytes } from "./socket-address.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import { COLON_PARTS, PLAIN_WORDS, takeWord } from "./words.ts";

const PREFIX_WORDS = ["any", "localhost", "link-local", "multicast"];

/** `10.0.0.0/8`, `::1`, `localhost`: addresses and their prefixes, as they stand. */
export const addressPrefixes = wordList<string>({
  name: "addresses such as 10.0.0.0/8 or ::1, any, localhost, link-local or multicast",
  words: PLAIN_WORDS,
  read: (word) =>
    PREFIX_WORDS.includes(word) || isPrefix(word)
      ? word
      : new Complaint(`Address prefix is invalid, ignoring assignment: ${word}`),
});

function isPrefix(word: string): boolean {
  const [, address = "", length] = /^([^/]*)(?:\/(.*))?$/s.exec(word) ?? [];
  const bytes = inet4Bytes(address) ?? inet6Bytes(address);
  if (bytes === undefined) return false;
  return length === undefined || typeof readLength(length, 8 * bytes.length) === "number";
}

/** systemd takes no leading zero here. */
function readLength(text: string, max: number): number | undefined {
  return /^(0|[1-9]\d*)$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

/** A name that ip(8) would take, too; a number is an index, `all` and `default` are all of them. */
export function isInterfaceName(name: string): boolean {
  if (typeof parseInteger(name, 1, 2 ** 31 - 1) === "number") return false;
  return /^(?!\.{1,2}$)(?!\d+$)(?!(?:all|default)$)[\x21-\x24\x26-\x2e\x30-\x39\x3b-\x7e]{1,15}$/.test(name);
}

interface InterfaceAssignment {
  readonly inverted: boolean;
  readonly names: readonly string[];
}

const interfaces = wordList<string>({
  name: "names of network interfaces",
  unclosed: "Trailing garbage in %k, ignoring: %v",
  read: (word) => (isInterfaceName(word) ? word : new Complaint(`Invalid interface name, ignoring: ${word}`)),
});

/** `eth0 lo`, or `~eth0` for all the others. */
export const interfaceList: Grammar<InterfaceAssignment> = {
  name: `${interfaces.name}, after ~ for all but these`,
  parse: (value, context) => {
    const inverted = value.startsWith("~");
    const names = interfaces.parse(inverted ? value.slice(1) : value, context);
    return names instanceof Complaint ? names : { inverted, names };
  },
};

/** `any`, `tcp`, `ipv4:udp:80-90`, `ipv6:any`: as it stands. */
export const bindRule: Grammar<string> = {
  name: "ports such as 80, tcp:1000-2000, ipv6:udp or any",
  parse: (value, { key }) => {
    const parts = value.split(":");
    if (parts[0] === "ipv4" || parts[0] === "ipv6") parts.shift();
    if (parts[0] === "tcp" || parts[0] === "udp") parts.shift();
    const isGood =
      value !== "" && parts.length <= 1 && parts.every((part) => part === "any" || isPortRange(part));
    return isGood ? value : new Complaint(`Unable to parse ${key}= assignment, ignoring: ${value}`);
  },
};

function isPortRange(text: string): boolean {
  const [, from = text, to = from] = /^([^-]+)-(.+)$/.exec(text) ?? [];
  const [first, last] = [from, to].map((port) => parseInteger(port, 1, 65_535));
  return typeof first === "number" && typeof last === "number" && first <= last;
}

const ATTACH_TYPES =
  "ingress egress sock_create sock_ops device bind4 bind6 connect4 connect6 post_bind4 post_bind6 sendmsg4 sendmsg6 " +
  "sysctl recvmsg4 recvmsg6 getsockopt setsockopt";

interface BpfProgram {
  readonly attach: string;
  readonly path: string;
}

/** `egress:/sys/fs/bpf/program`. */
export const bpfProgram: Grammar<BpfProgram> = {
  name: "TYPE:PATH such as egress:/sys/fs/bpf/program",
  parse: (value, { key, specifiers }) => {
    const word = takeWord(value, 0, COLON_PARTS);
    const rest = word.kind === "word" ? value.slice(word.next) : "";
    if (word.kind !== "word" || rest === "")
      return new Complaint(`Invalid syntax in ${key}=, ignoring: ${value}`);
    if (!ATTACH_TYPES.split(" ").includes(word.text))
      return new Complaint(`Unknown BPF attach type=${word.text}, ignoring: ${value}`);
    const expanded = expandSpecifiers(rest, specifiers);
    if (expanded === undefined)
      return new Complaint(`Failed to resolve unit specifiers in '${rest}', ignoring: ${value}`);
    const path = readPath(key, expanded);
    return path instanceof Complaint ? path : { attach: word.text, path };
  },
};

/** D-Bus's well-known names: parts between dots, at least two. */
export const busName: Grammar<string> = {
  name: "a D-Bus name such as org.example.Web",
  takesEmpty: true,
  parse: (value, { specifiers }) => {
    const name = expandSpecifiers(value, specifiers);
    if (name === undefined) return unresolved(value, "bare");
    const isName = /^[A-Za-z_-][\w-]*(\.[A-Za-z_-][\w-]*)+$/.test(name) || /^:[\w-]+(\.[\w-]+)+$/.test(name);
    return isName && name.length <= 255 ? name : new Complaint(`Invalid bus name, ignoring: ${name}`);
  },
};
