/** Conditions about the machine, its kernel and the daemon's own process: systemd.unit(5). */
import { existsSync, readdirSync, statfsSync } from "node:fs";
import { arch, availableParallelism, hostname, release, totalmem, userInfo } from "node:os";
import { parseSize } from "#base/size.ts";
import { CAPABILITIES } from "#unit/capabilities.ts";
import type { OTHER_CHECKS } from "#unit/condition.ts";
import { holdsNumber, holdsOsRelease, holdsVersion } from "#unit/condition-order.ts";
import { parseEnvironmentFile } from "#unit/environment.ts";
import { matchGlob } from "#unit/glob.ts";
import { parseBoolean } from "#unit/values.ts";
import { splitWords } from "#unit/words.ts";
import { findGroup, findUser } from "../exec/accounts.ts";
import { type CheckMachine, readText } from "./check.ts";
import { isPressureLow } from "./pressure.ts";
import { detectVirtualization, isVirtualized } from "./virtualization.ts";

type MachineCheck = (typeof OTHER_CHECKS)[number];

export const MACHINE_CHECKERS: { readonly [C in MachineCheck]: CheckMachine } = {
  ACPower: (argument) => isTold(argument, isOnAcPower),
  Architecture: (name) => name === "native" || name === ARCHITECTURES[arch()],
  Capability: hasCapability,
  ControlGroupController: hasControllers,
  CPUFeature: (name) => cpuFeatures().has(name),
  CPUPressure: (argument) => isPressureLow("cpu", argument),
  CPUs: (expression) => holdsNumber(expression, availableParallelism(), readCount),
  Credential: (name) => {
    const directory = process.env.CREDENTIALS_DIRECTORY;
    return directory !== undefined && existsSync(`${directory}/${name}`);
  },
  Environment: hasVariable,
  Firmware: hasFirmware,
  FirstBoot: (argument) => isTold(argument, () => existsSync("/run/systemd/first-boot")),
  Group: isInGroup,
  Host: isHost,
  IOPressure: (argument) => isPressureLow("io", argument),
  KernelCommandLine: hasKernelOption,
  KernelVersion: (expression) => holdsVersion(expression, release(), matchGlob),
  Memory: (expression) => holdsNumber(expression, totalmem(), (text) => parseSize(text)),
  MemoryPressure: (argument) => isPressureLow("memory", argument),
  OSRelease: (expression) => holdsOsRelease(expression, osRelease()),
  Security: (name) => SECURITY[name]?.() ?? false,
  User: isUser,
  Virtualization: isVirtualized,
};

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "x86-64",
  ia32: "x86",
  arm64: "arm64",
  arm: "arm",
  riscv64: "riscv64",
  ppc64: "ppc64-le",
  s390x: "s390x",
  loong64: "loongarch64",
};

/** A question of yes or no against what is wanted. */
function isTold(argument: string, ask: () => boolean): boolean | undefined {
  const wanted = parseBoolean(argument);
  return wanted === undefined ? undefined : wanted === ask();
}

function readCount(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A machine without any supply that could be away is on power. */
function isOnAcPower(): boolean {
  const folder = "/sys/class/power_supply";
  const supplies = existsSync(folder) ? readdirSync(folder) : [];
  const mains = supplies.filter((name) => readText(`${folder}/${name}/type`).trim() === "Mains");
  return mains.length === 0 || mains.some((name) => readText(`${folder}/${name}/online`).trim() === "1");
}

/** Of the set that no process of ours can get beyond. */
function hasCapability(name: string): boolean | undefined {
  const number = /^\d+$/.test(name) ? Number(name) : CAPABILITIES.indexOf(name.toUpperCase());
  if (number < 0 || number > 62) return undefined;
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(readText("/proc/self/status"))?.[1] ?? "0";
  return (BigInt(`0x${bounding}`) & (1n << BigInt(number))) !== 0n;
}

const CGROUP2_MAGIC = 0x63677270;
const CONTROLLERS: ReadonlySet<string> = new Set(
  "cpu cpuacct cpuset io blkio memory devices pids".split(" "),
);

/** Controllers that are none are passed over, as in systemd. */
function hasControllers(argument: string): boolean {
  const root = "/sys/fs/cgroup";
  const isUnified = existsSync(root) && statfsSync(root).type === CGROUP2_MAGIC;
  if (argument === "v2") return isUnified;
  if (argument === "v1") return !isUnified;
  const available = readText(`${root}/cgroup.controllers`).trim().split(/\s+/);
  return splitWords(argument)
    .words.filter((name) => CONTROLLERS.has(name))
    .every((name) => (isUnified ? available.includes(name) : existsSync(`${root}/${name}`)));
}

/** systemd's names, which differ from the kernel's in one. */
function cpuFeatures(): ReadonlySet<string> {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readText("/proc/cpuinfo"))?.[1] ?? "";
  const names = flags
    .trim()
    .split(/\s+/)
    .map((flag) => FEATURES[flag] ?? flag);
  return new Set(names);
}

const FEATURES: Readonly<Record<string, string>> = { fma: "fma3", pclmulqdq: "pclmul", pni: "sse3" };

function hasVariable(assignment: string): boolean {
  const equals = assignment.indexOf("=");
  if (equals === -1) return process.env[assignment] !== undefined;
  return process.env[assignment.slice(0, equals)] === assignment.slice(equals + 1);
}

function hasFirmware(name: string): boolean | undefined {
  if (name === "uefi") return existsSync("/sys/firmware/efi");
  const tree = "/sys/firmware/devicetree/base";
  if (name === "device-tree") return existsSync(tree);
  const wanted = /^device-tree-compatible\((.*)\)$/.exec(name)?.[1];
  if (wanted !== undefined) return readText(`${tree}/compatible`).split("\0").includes(wanted);
  const field = /^smbios-field\((\w+)(\W.*)\)$/.exec(name);
  return field === null ? false : holdsField(field[1] ?? "", field[2] ?? "");
}

function holdsField(field: string, comparison: string): boolean | undefined {
  const path = `/sys/class/dmi/id/${field}`;
  return existsSync(path) && holdsVersion(comparison, readText(path).trim(), matchGlob);
}

function isInGroup(name: string): boolean {
  const own = [process.getgid?.(), process.getegid?.(), ...(process.getgroups?.() ?? [])];
  const wanted = /^\d+$/.test(name) ? Number(name) : findGroup(readText("/etc/group"), name);
  return wanted !== undefined && own.includes(wanted);
}

const LAST_SYSTEM_UID = 999;

function isUser(name: string): boolean {
  const { uid, username } = userInfo();
  if (name === "@system") return uid <= LAST_SYSTEM_UID;
  if (/^\d+$/.test(name)) return Number(name) === uid;
  return name === username || findUser(readText("/etc/passwd"), name)?.uid === uid;
}

/** A machine ID, or a pattern for the name whatever its case. */
function isHost(argument: string): boolean {
  const id = argument.replaceAll("-", "").toLowerCase();
  if (/^[0-9a-f]{32}$/.test(id)) return readText("/etc/machine-id").trim() === id;
  return matchGlob(argument.toLowerCase(), hostname().toLowerCase());
}

/** In a container systemd takes the arguments of its first process for the kernel's. `option` also stands for `option=value`; `option=value` for itself alone. */
function hasKernelOption(option: string): boolean {
  const isContainer = detectVirtualization()?.kind === "container";
  const words = isContainer
    ? readText("/proc/1/cmdline").split("\0")
    : splitWords(readText("/proc/cmdline")).words;
  return words.some((word) => word === option || (!option.includes("=") && word.startsWith(`${option}=`)));
}

function osRelease(): Readonly<Record<string, string>> {
  const text = readText("/etc/os-release") || readText("/usr/lib/os-release");
  return Object.fromEntries(parseEnvironmentFile(text));
}

const SECURITY: Readonly<Record<string, () => boolean>> = {
  selinux: () => existsSync("/sys/fs/selinux/enforce"),
  apparmor: () => readText("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
  tomoyo: () => existsSync("/sys/kernel/security/tomoyo/version"),
  ima: () => existsSync("/sys/kernel/security/ima"),
  smack: () => existsSync("/sys/fs/smackfs"),
  audit: () => existsSync("/proc/self/loginuid"),
  "uefi-secureboot": isSecureBoot,
  tpm2: () => existsSync("/sys/class/tpmrm") && readdirSync("/sys/class/tpmrm").length > 0,
};

/** The variable is four bytes of attributes and one that is 1. */
function isSecureBoot(): boolean {
  const path = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  return readText(path).charCodeAt(4) === 1;
}
