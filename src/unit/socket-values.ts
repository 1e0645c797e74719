/** Grammars of the values that only [Socket] has (systemd.socket(5)). */
import { Complaint } from "./diagnostic.ts";
import { expanded, type Grammar, grammar, oneOf } from "./grammar.ts";
import { isUnitName } from "./name.ts";
import { expandedWords, parsePath } from "./values.ts";

/** The service that Service= names. */
export const serviceName: Grammar<string> = expanded(
  grammar(
    "the name of a service",
    (value) => (isUnitName(value) && value.endsWith(".service") ? value : undefined),
    "Unit must be of type service, ignoring: %v",
  ),
);

/** What sd_listen_fds_with_names(3) tells descriptors apart by. */
export const fileDescriptorName: Grammar<string> = expanded(
  grammar(
    "a name of at most 255 printable characters without a colon",
    (value) => (/^[\x20-\x39\x3b-\x7e]{1,255}$/.test(value) ? value : undefined),
    "Invalid file descriptor name, ignoring: %v",
  ),
);

export const interfaceName: Grammar<string> = expanded(
  grammar(
    "the name of a network interface",
    (value) => (/^(?!\.{1,2}$)(?!\d+$)[\x21-\x2e\x30-\x39\x3b-\x7e]{1,15}$/.test(value) ? value : undefined),
    "Invalid interface name, ignoring: %v",
  ),
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
  (value) =>
    TOS_NAMES.get(value) ?? (/^\d{1,3}$/.test(value) && Number(value) <= 255 ? Number(value) : undefined),
  "Failed to parse IP TOS value, ignoring: %v",
);

/** Timestamping=, with the aliases that systemd takes. */
export const timestamping = oneOf("timestamping precision", ["off", "us", "usec", "µs", "ns", "nsec"]);

/** Absolute paths; one that is not is left out with a complaint. */
export const absolutePaths: Grammar<readonly string[]> = {
  name: "absolute paths",
  parse: (value, context) => {
    const words = expandedWords.parse(value, context);
    if (words instanceof Complaint) return words;
    return words.flatMap((word) => {
      const path = parsePath(word);
      if (path === undefined) context.warn(`${context.key}= path is not absolute, ignoring: ${word}`);
      return path === undefined ? [] : [path];
    });
  },
};
