/** Condition…= and Assert…= against `systemd-analyze condition` of systemd 252, on this machine. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, release, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unmetConditions } from "#supervisor/embedded/conditions.ts";
import { OTHER_CHECKS, PATH_CHECKS } from "#unit/condition.ts";
import { readDependencies } from "#unit/read-dependencies.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-condition-"));
  for (const folder of ["empty", "full", "hidden"]) mkdirSync(join(directory, folder));
  for (const file of ["full/file", "hidden/.file", "program", "text"])
    writeFileSync(join(directory, file), "x");
  writeFileSync(join(directory, "nothing"), "");
  chmodSync(join(directory, "program"), 0o755);
  symlinkSync("text", join(directory, "link"));
  symlinkSync("gone", join(directory, "dangling"));
  symlinkSync("full", join(directory, "link-to-folder"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Whether systemd would start a unit with these lines. */
function systemd(lines: readonly string[]): boolean {
  const { status, error } = spawnSync("systemd-analyze", ["condition", "--", ...lines]);
  if (error !== undefined) throw error;
  return status === 0;
}

/** Which of these lines would keep a unit from being started, each by itself: triggering ones are all tried. */
function failingInSystemd(lines: readonly string[]): ReadonlySet<string> {
  const triggering = lines.map((line) => line.replace("=", "=|"));
  const { stdout, stderr, error } = spawnSync("systemd-analyze", ["condition", "--", ...triggering], {
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  const failed =
    /^test\.service: (?:Couldn't determine result for (.*), assuming failed: .*|(.*) failed\.)$/gm;
  const found = [...`${stdout}${stderr}`.matchAll(failed)].map(
    ([, unknown, unmet]) => unknown ?? unmet ?? "",
  );
  return new Set(found.map((line) => line.replace("=|", "=")));
}

function flotilla(lines: readonly string[]): boolean {
  const file = parseUnitFile(["[Unit]", ...lines].join("\n"));
  const { conditions } = readDependencies(file, specifierContext("test.service"));
  return (["condition", "assert"] as const).every((kind) => unmetConditions(conditions, kind) === undefined);
}

const PATHS = [
  ...[
    "empty",
    "full",
    "hidden",
    "program",
    "text",
    "nothing",
    "link",
    "dangling",
    "link-to-folder",
    "gone",
    "text/below",
  ],
].map((name) => `@/${name}`);
const SYSTEM_PATHS = ["/", "/proc", "/sys", "/etc/passwd", "/dev/null", "relative", "~"];

/** Arguments worth asking about by check. Each is asked for plain and negated. */
function argumentsOf(check: string): readonly string[] {
  if (check === "NeedsUpdate") return ["/etc", "/var", "/usr", "@/empty"];
  if (check === "PathExistsGlob")
    return ["@/*", "@/t?xt", "@/[pq]*", "@/none*", "@/text", "/pro[c]", "relative*"];
  if (PATH_CHECKS.some((path) => path === check)) return [...PATHS, ...SYSTEM_PATHS];
  return OTHERS[check] ?? [];
}

const OTHERS: Readonly<Record<string, readonly string[]>> = {
  FirstBoot: ["yes", "no", "maybe"],
  KernelCommandLine: [
    ...readFileSync("/proc/cmdline", "utf8").trim().split(/\s+/).slice(0, 4),
    "none",
    "console",
    "none=1",
  ],
  KernelVersion: [
    release(),
    "*",
    "4.*",
    ">=4",
    ">= 4",
    "<4",
    ">4 <9",
    ">4 < 9",
    "=4",
    `=${release()}`,
    `!=${release()}`,
    ">",
    "? ?",
    ">=x",
  ],
  Architecture: ["native", "x86-64", "x86", "arm64", "nope"],
  Firmware: ["uefi", "device-tree", "device-tree-compatible(x)", "smbios-field(sys_vendor=x)", "nope"],
  Virtualization: [
    "yes",
    "no",
    "vm",
    "container",
    "private-users",
    "docker",
    "kvm",
    "systemd-nspawn",
    "nope",
  ],
  Security: ["selinux", "apparmor", "tomoyo", "ima", "smack", "audit", "uefi-secureboot", "tpm2", "nope"],
  Capability: ["CAP_SYS_ADMIN", "cap_chown", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "21", "nope", "99"],
  Host: [hostname(), hostname().toUpperCase(), "*", "?*", "nope", "0".repeat(32)],
  ACPower: ["yes", "no", "maybe"],
  Memory: ["1", "1K", "1G", "1.5G", ">=1", "<1", "> 1M", "<1000T", "=5", "!=5", "x", "1X"],
  CPUs: ["1", "2", "3", ">=1", "<1", "> 1", "=2", "!=2", "x", "1000", "1.5"],
  CPUFeature: ["sse", "sse2", "avx2", "fma3", "fpu", "lm", "rdtscp", "nope"],
  CPUPressure: [
    "100%",
    "100%/10sec",
    "100%/10s",
    "100%/3min",
    "x",
    "100%/1min",
    "100%/",
    "100",
    "200%",
    "a.slice:100%",
  ],
  MemoryPressure: ["100%", "100%/10sec", "100%/3min", "x"],
  IOPressure: ["100%", "100%/5min", "x", "1"],
  Environment: ["PATH", "NO_SUCH_VARIABLE", `PATH=${process.env.PATH}`, "PATH=nope", "NO_SUCH_VARIABLE="],
  User: ["root", "0", "1", "nobody", "@system", "nope"],
  Group: ["root", "0", "1", "nogroup", "nope"],
  ControlGroupController: ["v1", "v2", "cpu", "cpu memory", "cpu nope", "nope", "io", "pids"],
  Credential: ["none"],
  OSRelease: [
    "ID=debian",
    "ID==debian",
    "ID!=debian",
    "ID=x",
    "VERSION_ID>=1",
    "VERSION_ID<1",
    "ID=debian VERSION_ID>=1",
    "ID",
    "ID=",
    "NONE=x",
    "NONE!=x",
    "NONE<x",
    "1=x",
    "VERSION_ID=>1",
  ],
};

const CHECKS = [...PATH_CHECKS, ...OTHER_CHECKS];

test.each(CHECKS)("Condition%s= holds where it does for systemd", (check) => {
  const lines = argumentsOf(check).flatMap((argument) =>
    ["", "!"].map((prefix) => `Condition${check}=${prefix}${argument.replace("@", directory)}`),
  );
  expect(lines.length).toBeGreaterThan(0);
  const failing = failingInSystemd(lines);
  expect(lines.filter((line) => failing.has(line) === flotilla([line]))).toEqual([]);
});

test.each([
  [["ConditionPathExists=/", "ConditionPathExists=/none"]],
  [["ConditionPathExists=|/", "ConditionPathExists=|/none"]],
  [["ConditionPathExists=|/none", "ConditionPathExists=|!/"]],
  [["ConditionPathExists=|/none", "ConditionPathExists=/"]],
  [["ConditionPathExists=|/", "ConditionPathExists=/none"]],
  [["ConditionPathExists=| ! /none"]],
  [["ConditionPathExists=/none", "ConditionPathExists="]],
  [["ConditionPathExists=/none", "ConditionHost="]],
  [["AssertPathExists=/", "ConditionPathExists=/"]],
  [["AssertPathExists=/none", "ConditionPathExists=/"]],
  [["AssertPathExists=|/none", "AssertHost=|*"]],
  [["ConditionPathExists=!|/none"]],
])("%j together", (lines) => {
  expect(flotilla(lines)).toBe(systemd(lines));
});
