/** The daemon's configuration, read from its settings and checked. */
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseDuration } from "#base/duration.ts";
import { FlotillaError } from "#base/errors.ts";
import { parseSize } from "#base/size.ts";
import type { Trust } from "#trust/trust-directory.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { SETTINGS, type Setting, type SettingName, type SettingValues } from "./settings.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where the cluster's state is: in this daemon's own embedded store, or at another machine or etcd. */
export type StoreConfig =
  | { readonly kind: "embedded"; readonly listen: ListenAddress }
  | { readonly kind: "remote"; readonly endpoints: readonly string[] };

export interface StoreTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface BackupConfig {
  readonly everyMs: number;
  readonly directory: string;
  readonly keep: number;
}

export interface DaemonConfig {
  /** Everything of this machine that must survive it. */
  readonly directory: string;
  /** Sockets; may be empty after a reboot. */
  readonly runDirectory: string;
  readonly name: string;
  /** IP address that other machines reach this one by. */
  readonly address: string;
  readonly apiPort: number;
  /** The machine's place in its cluster; undefined for one that belongs to none. */
  readonly trust: Trust | undefined;
  /** Nobody is asked who they are, and nothing is encrypted. */
  readonly insecure: boolean;
  readonly socketPath: string;
  readonly store: StoreConfig;
  /** Ports of this machine's part of the store, should it have or get one. */
  readonly storePorts: { readonly client: number; readonly peer: number };
  /** PEM files; undefined: the store is reached without TLS. */
  readonly storeTls: StoreTls | undefined;
  readonly storeQuotaBytes: number;
  readonly storeHistoryMs: number;
  /** Undefined: this machine makes no backups by itself. */
  readonly backups: BackupConfig | undefined;
  readonly clusterName: string;
  readonly leaseTtlS: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Undefined: what the machine has. */
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
  /** What runs units. */
  readonly supervisor: "auto" | "systemd" | "embedded";
  /** Unit files that systemd runs; until the machine goes down. */
  readonly unitDirectory: string;
  /** Name of this daemon's part of the cgroup hierarchies; undefined: no cgroups are used. */
  readonly cgroup: string | undefined;
  /** What all units' journals may take of the disk; undefined: as journald has it. */
  readonly journalMaxBytes: number | undefined;
  readonly journalMaxAgeMs: number;
  /** On SIGTERM: leave the units running (so that an upgrade stops nothing), or stop them and leave the cluster. */
  readonly onExit: "leave" | "stop";
  /** How long a machine that stops its units waits for others to have them. */
  readonly handOverMs: number;
  readonly logLevel: LogLevel;
}

/** The daemon's state directory, as the command line or the environment says. */
export function readDirectory(given: SettingValues, environment: NodeJS.ProcessEnv): string {
  return resolve(settingOf("dir", given, environment) ?? fallbackOf("dir") ?? ".");
}

function settingOf(
  name: SettingName,
  given: SettingValues,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  return given[name] ?? environment[`FLOTILLA_${name.replaceAll("-", "_").toUpperCase()}`];
}

function fallbackOf(name: SettingName): string | undefined {
  const setting: Setting | undefined = SETTINGS.find((one) => one.name === name);
  return setting?.fallback;
}

/**
 * Settings as given on the command line and in the environment, as a checked configuration.
 * @param trust of the machine: where nothing else is said, what it was given when it joined counts
 * @throws FlotillaError `bad-config` that names the setting and what it takes.
 */
export function readConfig(
  given: SettingValues,
  environment: NodeJS.ProcessEnv,
  trust?: Trust,
): DaemonConfig {
  const joined = trust === undefined ? {} : settingsOf(trust);
  const get = (name: SettingName): string | undefined =>
    settingOf(name, given, environment) ?? joined[name] ?? fallbackOf(name);
  const directory = readDirectory(given, environment);
  const runDirectory = resolve(get("run-dir") ?? join(directory, "run"));
  const cgroup = get("cgroup") ?? "none";
  return {
    directory,
    runDirectory,
    socketPath: resolve(get("socket") ?? join(runDirectory, "flotilla.sock")),
    name: readName(get("name") ?? hostname()),
    address: get("address") ?? "127.0.0.1",
    apiPort: readWhole("api-port", get("api-port"), 0, 65_535),
    trust,
    insecure: readChoice("insecure", get("insecure"), ["true", "false"]) === "true",
    store: readStore(get),
    storePorts: {
      client: readWhole("store-port", get("store-port"), 0, 65_535),
      peer: readWhole("store-peer-port", get("store-peer-port"), 0, 65_535),
    },
    storeTls: readStoreTls(get),
    storeQuotaBytes: readSize("store-quota", get("store-quota")) ?? 0,
    storeHistoryMs: readTime("store-history", get("store-history")),
    backups: readBackups(get, directory),
    clusterName: get("cluster-name") ?? "flotilla",
    leaseTtlS: readLeaseTtl(get("lease-ttl")),
    metadata: readMetadata(get("metadata") ?? ""),
    cpuMillis:
      get("cpus") === undefined ? undefined : Math.round(1000 * readNumber("cpus", get("cpus"), 0.001, 1e6)),
    memoryBytes:
      get("memory") === undefined
        ? undefined
        : readWhole("memory", get("memory"), 0, Number.MAX_SAFE_INTEGER),
    supervisor: readChoice("supervisor", get("supervisor"), ["auto", "systemd", "embedded"]),
    unitDirectory: resolve(get("unit-dir") ?? "/run/flotilla/units"),
    cgroup: cgroup === "none" ? undefined : cgroup,
    journalMaxBytes: readSize("journal-max-use", get("journal-max-use")),
    journalMaxAgeMs: readTime("journal-max-age", get("journal-max-age")),
    onExit: readChoice("on-exit", get("on-exit"), ["leave", "stop"]),
    handOverMs: readTime("hand-over", get("hand-over")),
    logLevel: readChoice("log-level", get("log-level"), LOG_LEVELS),
  };
}

/** What joining has settled. */
function settingsOf({ cluster, paths }: Trust): SettingValues {
  return {
    name: cluster.name,
    address: cluster.address,
    "cluster-name": cluster.clusterName,
    "store-cert": paths.certFile,
    "store-key": paths.keyFile,
    "store-ca": paths.caFile,
    ...(cluster.store.length === 0 ? {} : { store: cluster.store.join(",") }),
  };
}

function readStore(get: (name: SettingName) => string | undefined): StoreConfig {
  const urls = get("store");
  if (urls === undefined || urls === "") {
    const port = readWhole("store-port", get("store-port"), 0, 65_535);
    return { kind: "embedded", listen: { host: get("address") ?? "127.0.0.1", port } };
  }
  const endpoints = urls.split(",").map((url) => url.trim());
  for (const endpoint of endpoints) {
    if (!URL.canParse(endpoint))
      throw badSetting("store", endpoint, "is not a URL", "write it as http://HOST:PORT");
  }
  return { kind: "remote", endpoints };
}

/** All three or none: a store that checks nobody's certificate is as open as one without. */
function readStoreTls(get: (name: SettingName) => string | undefined): StoreTls | undefined {
  const names = ["store-cert", "store-key", "store-ca"] as const;
  const missing = names.find((name) => get(name) === undefined);
  const [certFile, keyFile, caFile] = names.map((name) => get(name));
  if (certFile !== undefined && keyFile !== undefined && caFile !== undefined)
    return { certFile: resolve(certFile), keyFile: resolve(keyFile), caFile: resolve(caFile) };
  if (missing === undefined || names.every((name) => get(name) === undefined)) return undefined;
  throw badSetting(
    missing,
    "",
    "is missing beside the others",
    "give --store-cert, --store-key and --store-ca",
  );
}

function readBackups(
  get: (name: SettingName) => string | undefined,
  directory: string,
): BackupConfig | undefined {
  const every = get("backup-every");
  const keep = readWhole("backup-keep", get("backup-keep"), 1, 10_000);
  if (every === undefined) return undefined;
  const everyMs = readTime("backup-every", every);
  return { everyMs, directory: resolve(get("backup-dir") ?? join(directory, "backups")), keep };
}

function readName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) return text;
  throw badSetting(
    "name",
    text,
    "is not a machine name",
    "use letters, digits, '.', '_' and '-', at most 63",
  );
}

function readNumber(name: SettingName, text: string | undefined, min: number, max: number): number {
  const value = Number(text);
  if (text !== undefined && text.trim() !== "" && value >= min && value <= max) return value;
  throw badSetting(name, text ?? "", "is out of range", `give a number from ${min} to ${max}`);
}

function readWhole(name: SettingName, text: string | undefined, min: number, max: number): number {
  const value = readNumber(name, text, min, max);
  if (Number.isSafeInteger(value)) return value;
  throw badSetting(name, text ?? "", "is no whole number", `give a whole number from ${min} to ${max}`);
}

function readSize(name: SettingName, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw badSetting(name, text, "is not a size", "write it as 500M or 2G");
}

function readTime(name: SettingName, text = ""): number {
  const timeMs = parseDuration(text);
  if (timeMs !== undefined && timeMs > 0) return timeMs;
  throw badSetting(name, text, "is not a length of time", "write it as 90d, 12h or infinity");
}

function readChoice<T extends string>(name: SettingName, text: string | undefined, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw badSetting(name, text ?? "", "is not one of its values", `choose ${choices.join(" or ")}`);
}

/** The store tells what is left of a lease in whole seconds. */
const SHORTEST_LEASE_S = 3;

function readLeaseTtl(value: string | undefined): number {
  const seconds = readWhole("lease-ttl", value, 1, 3_600);
  if (seconds >= SHORTEST_LEASE_S) return seconds;
  throw badSetting(
    "lease-ttl",
    String(value),
    "is too short: the store tells what is left of a lease in whole seconds, so that a machine that is late could not be told from one that has just renewed its lease",
    `a lease of ${SHORTEST_LEASE_S} seconds is the shortest; units leave a machine that nobody reaches sooner than that`,
  );
}

function readMetadata(text: string): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = {};
  for (const pair of text.split(",").filter((part) => part.trim() !== "")) {
    const match = /^\s*([A-Za-z0-9_.-]+)=(.*)$/.exec(pair);
    if (match === null) throw badSetting("metadata", pair, "is not KEY=VALUE", "write disk=ssd,zone=a");
    metadata[match[1] ?? ""] = (match[2] ?? "").trim();
  }
  return metadata;
}

function badSetting(name: SettingName, value: string, what: string, hint: string): FlotillaError {
  return new FlotillaError("bad-config", `--${name}: "${value}" ${what}`, { hint });
}
