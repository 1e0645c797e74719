/** Values of [X-Fleet] and [X-Flotilla]. */
import { Complaint } from "./diagnostic.ts";
import { isGlob } from "./glob.ts";
import { type Grammar, grammar } from "./grammar.ts";
import type { Allowance, Preference } from "./placement.ts";
import { expandSpecifiers, type SpecifierContext } from "./specifiers.ts";
import { parseBoolean } from "./values.ts";

/** The only specifiers fleet knows; any other stays as it is. */
const FLEET_SPECIFIERS = /%[nNpi]/g;

/**
 * fleet's form of a value: one that begins and ends with a quote is several quoted ones, any other is one. Specifiers
 * are expanded in each.
 */
export function fleetValues(text: string, specifiers: SpecifierContext): readonly string[] {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const values = isQuoted ? Array.from(text.matchAll(/"([^"]*)"/g), (match) => match[1] ?? "") : [text];
  return values.map((value) => value.replaceAll(FLEET_SPECIFIERS, (found) => expandOne(found, specifiers)));
}

function expandOne(found: string, specifiers: SpecifierContext): string {
  return expandSpecifiers(found, specifiers) ?? found;
}

/** The first of fleet's values: for keys that take one. */
export const fleetText: Grammar<string> = {
  name: "text",
  parse: (text, { specifiers }) => fleetValues(text, specifiers)[0] ?? "",
};

/** A machine ID or its first digits. */
export const machineId: Grammar<string> = {
  name: "a machine ID of 32 hex digits, or its first eight",
  parse: (text, { specifiers }) => {
    const id = fleetValues(text, specifiers)[0] ?? "";
    if (/^([0-9a-f]{8}|[0-9a-f]{32})$/i.test(id)) return id.toLowerCase();
    return new Complaint(`MachineID= is not a machine ID: ${id}`, "error");
  },
};

/** Unit names or globs, separated by blanks or quoted. */
export const fleetGlobs: Grammar<readonly string[]> = {
  name: "unit names or globs such as web@*.service",
  parse: (text, { specifiers }) => {
    const globs = splitValues(fleetValues(text, specifiers));
    const malformed = globs.find((glob) => !isGlob(glob));
    return malformed === undefined
      ? globs
      : new Complaint(`The glob is malformed and would match nothing: ${malformed}`, "error");
  },
};

export const fleetNames: Grammar<readonly string[]> = {
  name: "unit names such as web@1.service",
  parse: (text, { specifiers }) => splitValues(fleetValues(text, specifiers)),
};

function splitValues(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(/\s+/)).filter((value) => value !== "");
}

export interface MetadataPair {
  readonly key: string;
  readonly value: string;
}

/**
 * `key=value` with exactly one `=`. fleet silently ignores anything else, so that the unit then runs anywhere: a trap,
 * hence an error here.
 */
export const metadataPairs: Grammar<readonly MetadataPair[]> = {
  name: 'key=value, or several as "a=b" "c=d"',
  parse: (text, { specifiers }) => {
    const pairs: MetadataPair[] = [];
    for (const value of fleetValues(text, specifiers)) {
      const pair = parsePair(value);
      if (pair === undefined) return new Complaint(`MachineMetadata= is not key=value: ${value}`, "error");
      pairs.push(pair);
    }
    return pairs;
  },
};

function parsePair(text: string): MetadataPair | undefined {
  const [key = "", value = "", more] = text.trim().split("=");
  return key === "" || value === "" || more !== undefined ? undefined : { key, value };
}

const TRUTHY = ["true", "yes", "1", "on", "t"];

/** fleet takes every other word for no. */
export const fleetBoolean: Grammar<boolean> = {
  name: "true or false",
  parse: (text, { specifiers }) => TRUTHY.includes((fleetValues(text, specifiers)[0] ?? "").toLowerCase()),
};

/** Metadata keys, or `machine`. */
export const spreadKeys: Grammar<readonly string[]> = {
  name: "metadata keys such as zone, or machine",
  parse: (text) => {
    const keys = text.split(/[\s,]+/).filter((key) => key !== "");
    const bad = keys.find((key) => key.includes("="));
    return bad === undefined
      ? keys
      : new Complaint(`Spread= takes metadata keys, not values: ${bad}`, "error");
  },
};

/** `disk=ssd`, or `disk=ssd:5` with a weight, separated by blanks. */
export const preferences: Grammar<readonly Preference[]> = {
  name: "key=value, or key=value:weight with a weight from 1 to 100",
  parse: (text) => {
    const found: Preference[] = [];
    for (const word of text.split(/\s+/)) {
      const preference = parsePreference(word);
      if (preference === undefined)
        return new Complaint(`Prefer= is not key=value or key=value:weight: ${word}`, "error");
      found.push(preference);
    }
    return found;
  },
};

function parsePreference(word: string): Preference | undefined {
  const [, pairText = "", weightText] = /^(.*?)(?::(\d+))?$/.exec(word) ?? [];
  const pair = parsePair(pairText);
  const weight = weightText === undefined ? 1 : Number(weightText);
  return pair === undefined || weight < 1 || weight > 100 ? undefined : { ...pair, weight };
}

export const failover = grammar(
  "eager or strict",
  (text) => (["eager", "strict"] as const).find((word) => word === text),
  "Failover= is neither eager nor strict: %v",
  "error",
);

export const maxPerMachine = grammar(
  "a whole number from 1",
  (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined),
  "MaxPerMachine= is not a whole number from 1: %v",
  "error",
);

export const failureMoves = grammar(
  "a whole number, 0 for none",
  (text) => (/^\d{1,4}$/.test(text) ? Number(text) : undefined),
  "FailureMoves= is not a whole number: %v",
  "error",
);

export const overlap = grammar("yes or no", parseBoolean, "Overlap= is neither yes nor no: %v", "error");

export const maxUnavailable = grammar<Allowance>(
  "a whole number from 1, or a share from 1% to 100%",
  readAllowance,
  "MaxUnavailable= is neither a whole number from 1 nor a share from 1% to 100%: %v",
  "error",
);

function readAllowance(text: string): Allowance | undefined {
  const [, digits = "", percent] = /^([1-9]\d{0,5})(%)?$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === "" || (percent !== undefined && number > 100)) return undefined;
  return percent === undefined ? { units: number } : { share: number / 100 };
}
