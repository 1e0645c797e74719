/** Grammars of settings for CPUs and block devices: systemd.resource-control(5). */
import { parseDuration } from "#base/duration.ts";
import { parseInteger } from "#base/number.ts";
import { parseSize } from "#base/size.ts";
import { CharSet } from "./char-set.ts";
import { Complaint } from "./diagnostic.ts";
import { simplifyPath } from "./exec.ts";
import { expanded, type Grammar, unresolved, type ValueContext } from "./grammar.ts";
import type { DeviceSetting } from "./resources.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { pathFault } from "./values.ts";
import { QUOTED_WORDS, splitWords, takeWord, type WordOptions } from "./words.ts";

const CPU_WORDS: WordOptions = { ...QUOTED_WORDS, separators: new CharSet(" \t\n\r,") };

/** The highest number that systemd takes for a CPU or a memory node, and one more. */
const MAX_CPUS = 8192;

/** Numbers and ranges between commas or blanks, as the kernel writes them: `0-3,8`. */
export const cpuSet: Grammar<string> = expanded({
  name: "CPU numbers such as 0-3,8",
  parse: (text, context) => {
    const cpus = parseCpus(text, context);
    return cpus instanceof Complaint ? cpus : listOf(cpus);
  },
});

/** Numbers of memory nodes; all of them are known to the machine only. */
export const nodeMask: Grammar<string> = {
  name: "numbers of memory nodes such as 0-3,8, or all",
  parse: (text, context) => {
    if (text === "all") return text;
    const nodes = parseCpus(text, context);
    if (!(nodes instanceof Complaint)) return listOf(nodes);
    context.warn(nodes.message, nodes.part);
    return new Complaint(`Failed to parse NUMA node mask, ignoring: ${text}`);
  },
};

/** The kernel's notation, with ranges where there are any. */
function listOf(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const firsts = sorted.filter((number, index) => sorted[index - 1] !== number - 1);
  const lasts = sorted.filter((number, index) => sorted[index + 1] !== number + 1);
  return firsts
    .map((first, index) => (first === lasts[index] ? `${first}` : `${first}-${lasts[index]}`))
    .join(",");
}

/** The numbers; a range that runs backwards is left out with a complaint, anything else spoils the value. */
export function parseCpus(text: string, context: ValueContext): readonly number[] | Complaint {
  const { words, unbalanced } = splitWords(text, CPU_WORDS);
  const numbers: number[] = [];
  for (const word of words) {
    const range = parseRange(word);
    if (range instanceof Complaint) return range;
    const [first, last] = range;
    if (first > last) context.warn(`Range '${word}' is invalid, ${first} > ${last}, ignoring.`, word);
    for (let number = first; number <= last; number++) {
      if (number >= MAX_CPUS)
        return new Complaint(
          `Cannot add CPU ${number} to set: Numerical result out of range`,
          "warning",
          word,
        );
      numbers.push(number);
    }
  }
  return unbalanced ? new Complaint(`Invalid value for ${context.key}: ${text}`) : numbers;
}

function parseRange(word: string): readonly [first: number, last: number] | Complaint {
  const [, from = word, to = from] = /^([^-]*)-(.*)$/.exec(word) ?? [];
  const [first, last] = [from, to].map((text) => parseInteger(text, 0, 4_294_967_295));
  if (typeof first === "number" && typeof last === "number") return [first, last];
  return new Complaint(`Failed to parse CPU affinity '${word}'`, "warning", word);
}

/** `/dev/sda 10M`: bytes a second, K being 1000. */
export const deviceBandwidth = deviceSetting(
  "a device and bytes a second such as /dev/sda 10M",
  "bandwidth",
  parseRate,
);

/** `/dev/sda 1K`: operations a second. */
export const deviceOperations = deviceSetting(
  "a device and operations a second such as /dev/sda 1K",
  "bandwidth",
  parseRate,
);

export const deviceWeight = deviceSetting("a device and a weight such as /dev/sda 200", "weight", (text) => {
  const weight = parseInteger(text, 1, 10_000);
  return typeof weight === "number"
    ? weight
    : new Complaint(`IO weight '${text}' invalid, ignoring: ${weight}`);
});

/** Milliseconds. */
export const deviceLatency = deviceSetting(
  "a device and a time span such as /dev/sda 25ms",
  "latency",
  (text) => parseDuration(text) ?? new Complaint(`Failed to parse timer value, ignoring: ${text}`),
);

/** The former notation of weights. */
export const blockDeviceWeight = deviceSetting(
  "a device and a weight from 10 to 1000",
  "node weight",
  (text) => {
    const weight = parseInteger(text, 10, 1000);
    return typeof weight === "number"
      ? weight
      : new Complaint(`Invalid block IO weight '${text}', ignoring: ${weight}`);
  },
);

/** The former notation of rates. */
export const blockDeviceBandwidth = deviceSetting(
  "a device and bytes a second such as /dev/sda 10M",
  "bandwidth",
  (text) => {
    const rate = parseSize(text, 1000) ?? 0;
    return rate > 0 ? rate : new Complaint(`Invalid Block IO Bandwidth '${text}', ignoring.`);
  },
);

function parseRate(text: string): number | Complaint {
  const rate = text === "infinity" ? Number.POSITIVE_INFINITY : parseSize(text, 1000);
  return rate === undefined || rate <= 0 ? new Complaint(`Invalid IO limit '${text}', ignoring.`) : rate;
}

/** systemd's words for what stands beside the device. */
const PARTS = {
  bandwidth: "device node and bandwidth",
  weight: "device path and weight",
  latency: "device path and latency",
  "node weight": "device node and weight",
} as const;

function deviceSetting(
  name: string,
  what: keyof typeof PARTS,
  parse: (text: string) => number | Complaint,
): Grammar<DeviceSetting> {
  return {
    name,
    parse: (text, context) => {
      const device = readDevice(text, PARTS[what], context);
      if (device instanceof Complaint) return device;
      const value = parse(device.rest);
      return value instanceof Complaint ? value : { path: device.path, value };
    },
  };
}

/** The path at the beginning and what stands behind it. */
function readDevice(
  text: string,
  parts: string,
  { key, specifiers }: ValueContext,
): { readonly path: string; readonly rest: string } | Complaint {
  const word = takeWord(text, 0, QUOTED_WORDS);
  if (word.kind !== "word") return new Complaint(`Failed to extract ${parts} from '${text}', ignoring.`);
  const rest = text.slice(word.next);
  if (rest === "")
    return new Complaint(`Invalid ${parts.replace("and", "or")} specified in '${text}', ignoring.`);
  const path = expandSpecifiers(word.text, specifiers);
  if (path === undefined) return unresolved(word.text);
  if (pathFault(`/${path}`) === undefined) return { path: simplifyPath(path), rest };
  return new Complaint(`${key}= path is not normalized, ignoring: ${path}`);
}

/** A device that may be used, and what for. */
export interface DeviceAccess {
  /** A device node, or `char-…` or `block-…` for all of a driver's. */
  readonly device: string;
  /** Of `r`, `w` and `m`; empty: all of them. */
  readonly rights: string;
}

/** `/dev/null rw`, `char-pts`. */
export const deviceAccess: Grammar<DeviceAccess> = {
  name: "a device, and any of r, w and m, such as /dev/null rw",
  parse: (text, { key, specifiers }) => {
    const word = takeWord(text, 0, QUOTED_WORDS);
    if (word.kind !== "word")
      return new Complaint(`Failed to extract device path and rights from '${text}', ignoring.`);
    const device = expandSpecifiers(word.text, specifiers);
    if (device === undefined) return unresolved(word.text);
    if (device === "") return new Complaint(`${key}= path has invalid length (0 bytes), ignoring.`);
    if (!/^(block|char)-/.test(device)) {
      if (pathFault(`/${device}`) !== undefined)
        return new Complaint(`${key}= path is not normalized, ignoring: ${device}`);
      if (!/^\/(dev|run\/systemd\/inaccessible)(\/|$)/.test(simplifyPath(device)))
        return new Complaint(`Invalid device node path '${simplifyPath(device)}', ignoring.`);
    }
    const rights = text.slice(word.next);
    if (/^[rwm]*$/.test(rights)) return { device, rights };
    return new Complaint(`Invalid device rights '${rights}', ignoring.`);
  },
};
