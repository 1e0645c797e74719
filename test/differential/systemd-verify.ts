/**
 * `systemd-analyze verify` as the authority on unit files: its verdicts on many files at once, in a form that
 * `verifyUnit`'s can be compared with.
 *
 * The tool sees a search path of its own with nothing but the targets and slices that units need by default, so that
 * what is installed on the machine makes no difference.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** A unit file by the name of its unit. */
export type Files = ReadonlyMap<string, string>;

/** What is said about each file: `3: message` about a line, `message` about the unit as a whole. */
export type Verdicts = ReadonlyMap<string, readonly string[]>;

/** So many files a process; the arguments of one command may not grow without end. */
const BATCH = 1000;

const DEFAULT_UNITS: readonly (readonly [name: string, text: string])[] = [
  ...["sysinit", "basic", "shutdown", "umount", "local-fs", "local-fs-pre", "remote-fs", "remote-fs-pre"],
  ...["sockets", "timers", "paths", "slices", "swap", "network", "network-online", "time-set", "time-sync"],
].map((target) => [`${target}.target`, "[Unit]\nDefaultDependencies=no\n"]);

/** The verdicts of systemd-analyze on all files. Throws when the tool cannot be run. */
export function systemdVerdicts(files: Files): Verdicts {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-verify-"));
  try {
    const search = join(directory, "search");
    mkdirSync(search);
    for (const [name, text] of DEFAULT_UNITS) writeFileSync(join(search, name), text);
    const units = join(directory, "units");
    mkdirSync(units);
    for (const [name, text] of files) writeFileSync(join(units, name), text);
    return readVerdicts(
      runInBatches(
        [...files.keys()].map((name) => join(units, name)),
        search,
      ),
      files,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function runInBatches(paths: readonly string[], search: string): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < paths.length; at += BATCH) lines.push(...run(paths.slice(at, at + BATCH), search));
  return lines;
}

function run(paths: readonly string[], search: string): readonly string[] {
  // Without "yes" the tool keeps to itself what it says of names of other units in a file.
  const argv = ["verify", "--man=no", "--recursive-errors=yes", ...paths];
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C.UTF-8", SYSTEMD_UNIT_PATH: search };
  const { error, stderr, signal } = spawnSync("systemd-analyze", argv, {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined)
    throw new Error("systemd-analyze cannot be run; install systemd 252", { cause: error });
  if (signal !== null) throw new Error(`systemd-analyze died of ${signal}: ${stderr.slice(-500)}`);
  return stderr.split("\n");
}

/** What depends on other units, on what is installed here, or only repeats what was said of a line. */
const NOT_ABOUT_THE_FILE: readonly RegExp[] = [
  /^Command .* is not executable: /,
  /^Failed to create .*\/start: /,
  /^Unit configuration has fatal error, unit will not be started\.$/,
  /^Unit .* failed to load properly, please adjust\/correct and reload service manager: /,
  /^service \S+ not loaded, socket cannot be started\.$/,
];

function readVerdicts(lines: readonly string[], files: Files): Verdicts {
  const verdicts = new Map<string, string[]>([...files.keys()].map((name) => [name, []]));
  for (const line of lines) {
    const [, path = "", number, message = ""] = /^(\S+?):(?:(\d+):)? (.*)$/.exec(line) ?? [];
    const verdict = verdicts.get(uninstantiated(basename(path)));
    if (verdict === undefined || NOT_ABOUT_THE_FILE.some((pattern) => pattern.test(message))) continue;
    verdict.push(number === undefined ? message : `${number}: ${message}`);
  }
  return verdicts;
}

/** The instance that the tool makes of a template to have something to load. */
export const TEST_INSTANCE = "test-instance";

function uninstantiated(unit: string): string {
  return unit.replace(`@${TEST_INSTANCE}.`, "@.");
}

/** Microseconds that the tool takes for each of `count` copies of a service, its own start included. */
export function systemVerdictTime(text: string, count: number): number {
  const files = new Map(Array.from({ length: count }, (_, index) => [`copy@${index}.service`, text]));
  const startedMs = performance.now();
  systemdVerdicts(files);
  return ((performance.now() - startedMs) * 1000) / count;
}
