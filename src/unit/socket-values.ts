/** Grammars of the values that only [Socket] has (systemd.socket(5)). */
import { parseInteger } from "#base/number.ts";
import { Complaint } from "./diagnostic.ts";
import { isDescriptorName } from "./exec-values.ts";
import { expanded, type Grammar, grammar, refusingEmpty, unresolved } from "./grammar.ts";
import { isInterfaceName } from "./network-values.ts";
import { expandNameSpecifiers } from "./specifiers.ts";
import { loadFault, parseBoolean, readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import { PLAIN_WORDS, splitWords } from "./words.ts";

/** The service that Service= names. */
export const serviceName: Grammar<string> = refusingEmpty({
  name: "the name of a service",
  parse: (value, { specifiers }) => {
    const name = expandNameSpecifiers(value, specifiers);
    if (name === undefined) return unresolved(value, "bare");
    if (!name.endsWith(".service")) return new Complaint(`Unit must be of type service, ignoring: ${value}`);
    const fault = loadFault(name);
    return fault === undefined ? name : new Complaint(`Failed to load unit ${value}, ignoring: ${fault}`);
  },
});

/** What sd_listen_fds_with_names(3) tells descriptors apart by. */
export const fileDescriptorName: Grammar<string> = expanded(
  grammar(
    "a name of at most 255 printable characters without a colon",
    (value) => (isDescriptorName(value) ? value : undefined),
    "Invalid file descriptor name, ignoring: %v",
  ),
);

/** An interface, or `*` for any. */
export const interfaceName: Grammar<string> = grammar(
  "the name of a network interface",
  (value) => (value === "*" || isInterfaceName(value) ? value : undefined),
  "Invalid interface name, ignoring: %v",
);

const TOS_NAMES: ReadonlyMap<string, number> = new Map([
  ["low-delay", 0x10],
  ["throughput", 0x08],
  ["reliability", 0x04],
  ["low-cost", 0x02],
]);

/** IPTOS=: a number, or one of systemd's words. */
export const ipTos: Grammar<number> = grammar(
  "a number from 0 to 255, low-delay, throughput, reliability or low-cost",
  (value) => TOS_NAMES.get(value) ?? number(parseInteger(value, 0, 255)),
  "Failed to parse IP TOS value, ignoring: %v",
);

/** Timestamping=, with the aliases that systemd takes. */
export const timestamping = refusingEmpty(
  grammar(
    "off, us or ns",
    (value) => {
      const precision = (["off", "us", "usec", "µs", "ns", "nsec"] as const).find((word) => word === value);
      // In former versions of systemd this was a boolean.
      const isOn = parseBoolean(value);
      return precision ?? (isOn === undefined ? undefined : isOn ? ("ns" as const) : ("off" as const));
    },
    "Failed to parse timestamping precision, ignoring: %v",
  ),
);

/** yes: IPv6 alone; no: IPv4, too. */
export const bindIpv6Only = refusingEmpty(
  grammar(
    "default, both or ipv6-only",
    (value) => {
      const isOnly = parseBoolean(value);
      if (isOnly !== undefined) return isOnly ? ("ipv6-only" as const) : ("both" as const);
      return (["default", "both", "ipv6-only"] as const).find((word) => word === value);
    },
    "Failed to parse bind IPv6 only value, ignoring: %v",
  ),
);

const NETLINK_FAMILIES =
  "route firewall inet-diag nflog xfrm selinux iscsi audit fib-lookup connector netfilter ip6-fw dnrtmsg " +
  "kobject-uevent generic scsitransport ecryptfs rdma";

/** A family of netlink's, by name or number, and perhaps a multicast group: as they stand. */
export const netlinkAddress = expanded(
  grammar(
    "a netlink family and group such as kobject-uevent 1",
    (value) => {
      const { words, unbalanced } = splitWords(value, PLAIN_WORDS);
      const [family = "", group = "0"] = words;
      const isFamily = NETLINK_FAMILIES.split(" ").includes(family) || isNumber(family);
      return isFamily && isNumber(group) && words.length <= 2 && !unbalanced ? value : undefined;
    },
    "Failed to parse address value in '%v', ignoring: Invalid argument",
  ),
);

function isNumber(text: string): boolean {
  return typeof parseInteger(text, 0, 4_294_967_295) === "number";
}

function number(parsed: number | string): number | undefined {
  return typeof parsed === "number" ? parsed : undefined;
}

/** Absolute paths; the first that is none ends the list. */
export const absolutePaths = wordList<string>({
  name: "absolute paths",
  specifiers: "quoted",
  stopsAtFault: true,
  read: (word, { key }) => readPath(key, word),
});

/** Absolute paths; one that is none is left out. */
export const mountedPaths = wordList<string>({
  name: "absolute paths",
  specifiers: "quoted",
  read: (word, { key }) => readPath(key, word),
});
