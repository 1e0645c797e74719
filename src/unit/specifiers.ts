/** Specifiers (`%n`, `%i`, …) of systemd.unit(5), SPECIFIERS, expanded from plain facts. */
import { parseUnitName, type UnitName, unescapeUnitName } from "./name.ts";

/** What specifiers say about the machine and the user units run for; all plain data. */
export interface MachineFacts {
  readonly host: string;
  readonly prettyHost: string;
  /** 32 hex digits, as the boot ID. */
  readonly machineId: string;
  readonly bootId: string;
  readonly kernel: string;
  /** systemd's name: `x86-64`, `arm64`. */
  readonly architecture: string;
  /** The user of the manager, not of the unit. */
  readonly user: string;
  readonly uid: number;
  readonly group: string;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  readonly runtimeDirectory: string;
  readonly stateDirectory: string;
  readonly cacheDirectory: string;
  readonly logsDirectory: string;
  readonly configDirectory: string;
  readonly credentialsDirectory: string;
  readonly tmp: string;
  readonly varTmp: string;
  /** Fields of os-release by name: ID, VERSION_ID, VARIANT_ID, BUILD_ID, IMAGE_ID, IMAGE_VERSION. */
  readonly osRelease: Readonly<Record<string, string>>;
}

export interface SpecifierContext extends MachineFacts {
  readonly unit: UnitName;
  /** Where the unit's file is, for `%y` and `%Y`. */
  readonly fragmentPath?: string;
}

/** Facts for reading a unit file where it will not run, as the CLI and the engine do. */
export const ANY_MACHINE: MachineFacts = {
  host: "localhost",
  prettyHost: "localhost",
  machineId: "0".repeat(32),
  bootId: "0".repeat(32),
  kernel: "6.1",
  architecture: "x86-64",
  user: "root",
  uid: 0,
  group: "root",
  gid: 0,
  home: "/root",
  shell: "/bin/sh",
  runtimeDirectory: "/run",
  stateDirectory: "/var/lib",
  cacheDirectory: "/var/cache",
  logsDirectory: "/var/log",
  configDirectory: "/etc",
  credentialsDirectory: "/run/credentials",
  tmp: "/tmp",
  varTmp: "/var/tmp",
  osRelease: { ID: "linux" },
};

/** The context for a unit's name on a machine. Throws `bad-unit-name`. */
export function specifierContext(unit: string, facts: Partial<MachineFacts> = {}): SpecifierContext {
  return { ...ANY_MACHINE, ...facts, unit: parseUnitName(unit) };
}

type Expansion = (context: SpecifierContext) => string;

const SPECIFIERS: ReadonlyMap<string, Expansion> = new Map<string, Expansion>([
  ["n", ({ unit }) => unit.full],
  ["N", ({ unit }) => stem(unit)],
  ["p", ({ unit }) => unit.prefix],
  ["P", ({ unit }) => unescaped(unit.prefix)],
  ["i", ({ unit }) => unit.instance ?? ""],
  ["I", ({ unit }) => unescaped(unit.instance ?? "")],
  ["j", ({ unit }) => lastPart(unit.prefix)],
  ["J", ({ unit }) => unescaped(lastPart(unit.prefix))],
  ["f", ({ unit }) => asPath(unescaped(unit.instance ?? unit.prefix))],
  ["y", ({ fragmentPath }) => fragmentPath ?? ""],
  ["Y", ({ fragmentPath }) => (fragmentPath ?? "").replace(/\/[^/]*$/, "")],
  ["c", ({ unit }) => `/system.slice/${unit.full}`],
  ["r", () => "/system.slice"],
  ["R", () => ""],
  ["C", ({ cacheDirectory }) => cacheDirectory],
  ["E", ({ configDirectory }) => configDirectory],
  ["L", ({ logsDirectory }) => logsDirectory],
  ["S", ({ stateDirectory }) => stateDirectory],
  ["t", ({ runtimeDirectory }) => runtimeDirectory],
  ["d", ({ credentialsDirectory, unit }) => `${credentialsDirectory}/${unit.full}`],
  ["h", ({ home }) => home],
  ["s", ({ shell }) => shell],
  ["u", ({ user }) => user],
  ["U", ({ uid }) => String(uid)],
  ["g", ({ group }) => group],
  ["G", ({ gid }) => String(gid)],
  ["H", ({ host }) => host],
  ["l", ({ host }) => host.replace(/\..*$/, "")],
  ["q", ({ prettyHost }) => prettyHost],
  ["m", ({ machineId }) => machineId],
  ["b", ({ bootId }) => bootId],
  ["v", ({ kernel }) => kernel],
  ["a", ({ architecture }) => architecture],
  ["o", ({ osRelease }) => osRelease.ID ?? ""],
  ["w", ({ osRelease }) => osRelease.VERSION_ID ?? ""],
  ["W", ({ osRelease }) => osRelease.VARIANT_ID ?? ""],
  ["B", ({ osRelease }) => osRelease.BUILD_ID ?? ""],
  ["M", ({ osRelease }) => osRelease.IMAGE_ID ?? ""],
  ["A", ({ osRelease }) => osRelease.IMAGE_VERSION ?? ""],
  ["T", ({ tmp }) => tmp],
  ["V", ({ varTmp }) => varTmp],
  ["%", () => "%"],
]);

/** The text with its specifiers expanded, or undefined when one of them is unknown; `%` before anything but a letter or digit stays. */
export function expandSpecifiers(text: string, context: SpecifierContext): string | undefined {
  let expanded = "";
  let from = 0;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", from)) {
    const letter = text.charAt(at + 1);
    const expand = SPECIFIERS.get(letter);
    if (expand === undefined && isLetterOrDigit(letter)) return undefined;
    expanded += text.slice(from, at) + (expand === undefined ? "%" : expand(context));
    from = at + (expand === undefined ? 1 : 2);
  }
  // Most values have none.
  return from === 0 ? text : expanded + text.slice(from);
}

function isLetterOrDigit(char: string): boolean {
  return /^[0-9A-Za-z]/.test(char);
}

/** Those that are good in names of units: what they stand for is escaped, or needs no escape. */
const NAME_SPECIFIERS = "ijnNpaAbBHlqmMovwWgGuU%";

/** The same for a name of a unit, where fewer specifiers are known. */
export function expandNameSpecifiers(text: string, context: SpecifierContext): string | undefined {
  if (!text.includes("%")) return text;
  const isUnknown = ([, letter = ""]: RegExpExecArray): boolean => !NAME_SPECIFIERS.includes(letter);
  return text.matchAll(/%([%0-9A-Za-z])/g).some(isUnknown) ? undefined : expandSpecifiers(text, context);
}

function stem(unit: UnitName): string {
  return unit.full.slice(0, -unit.suffix.length - 1);
}

function lastPart(prefix: string): string {
  return prefix.slice(prefix.lastIndexOf("-") + 1);
}

function asPath(text: string): string {
  return text.startsWith("/") ? text : `/${text}`;
}

/** A part of a name that is no escaped text stands for itself. */
function unescaped(text: string): string {
  try {
    return unescapeUnitName(text);
  } catch {
    return text;
  }
}
