/**
 * The filters of system calls that a unit's settings make: SystemCallFilter= and all keys that restrict. Pure.
 *
 * Each filter first looks at which kind of program calls. A call of a foreign kind, such as a 32-bit one, would get
 * around every rule, so that it fails as one that the kernel does not know.
 */
import { constants } from "node:os";
import type { ExecSettings } from "#unit/exec-settings.ts";
import type { SandboxSettings, SystemCallFilter } from "#unit/sandbox-settings.ts";
import {
  ALLOW,
  assemble,
  end,
  failWith,
  type Instruction,
  KILL_PROCESS,
  loadArchitecture,
  loadArgument,
  loadNumber,
  maskWith,
  unlessEqual,
  whenAnyBit,
  whenAtLeast,
  whenEqual,
} from "./bpf.ts";
import { callGroups } from "./call-groups.ts";
import { callNumbers } from "./call-numbers.ts";

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno;

/** linux/audit.h, by Node's name of a processor. */
const ARCHITECTURES: ReadonlyMap<string, number> = new Map([
  ["x64", 0xc000_003e],
  ["arm64", 0xc000_00b7],
]);

/** On x64 numbers from here on are calls of the x32 kind. */
const X32_NUMBERS = 0x4000_0000;

/** Why there can be no filters on a processor; undefined: there can. */
export function whyNoFilters(processor: string): string | undefined {
  return ARCHITECTURES.has(processor) ? undefined : `the system calls of ${processor} are not known`;
}

/** Programs in hex, to be installed in order; none where nothing is restricted. */
export function seccompPrograms(settings: ExecSettings, processor: string): readonly string[] {
  const architecture = ARCHITECTURES.get(processor);
  if (architecture === undefined) return [];
  // Most units filter nothing, and the table is worked out anew, so that it takes no memory in between.
  let table: ReadonlyMap<string, number> | undefined;
  const numbers = (): ReadonlyMap<string, number> => {
    table ??= callNumbers(processor) ?? new Map();
    return table;
  };
  const { sandbox } = settings;
  const foreign = sandbox.systemCallArchitectures.length > 0 ? KILL_PROCESS : failWith(ENOSYS);
  const head = [
    loadArchitecture,
    ...unlessEqual(architecture, [end(foreign)]),
    loadNumber,
    ...(processor === "x64" ? whenAtLeast(X32_NUMBERS, [end(foreign)]) : []),
  ];
  const restrictions = restrictionsOf(sandbox, numbers);
  const isRestricted = restrictions.length > 0 || sandbox.systemCallArchitectures.length > 0;
  return [
    ...(isRestricted ? [assemble([...head, ...restrictions, end(ALLOW)])] : []),
    ...(sandbox.systemCallFilter === undefined
      ? []
      : [assemble([...head, ...filterOf(sandbox.systemCallFilter, sandbox.systemCallError, numbers)])]),
  ];
}

type Numbers = () => ReadonlyMap<string, number>;

// --- SystemCallFilter= ---------------------------------------------------------------------------------------------

function filterOf(
  filter: SystemCallFilter,
  error: string | undefined,
  numbers: Numbers,
): readonly Instruction[] {
  const refused = error === undefined ? KILL_PROCESS : actionOf(error);
  const listed = expandRules(filter);
  const instructions: Instruction[] = [];
  for (const [name, number] of numbers()) {
    if (!listed.has(name)) {
      if (filter.allow) instructions.push(...whenEqual(number, [end(refused)]));
      continue;
    }
    const own = listed.get(name);
    const action = own === undefined ? (filter.allow ? ALLOW : refused) : actionOf(own);
    instructions.push(...whenEqual(number, [end(action)]));
  }
  // A call that did not exist when the list was written fails as on the kernels of that time.
  return [...instructions, end(filter.allow ? failWith(ENOSYS) : ALLOW)];
}

/** Names of calls with the error that each of them has to itself. What every program needs is always allowed. */
function expandRules({ allow, rules }: SystemCallFilter): ReadonlyMap<string, string | undefined> {
  const groups = callGroups();
  const listed = new Map<string, string | undefined>();
  for (const { name, error, removes } of allow
    ? [{ name: "@default" }, ...rules.map(toRule)]
    : rules.map(toRule)) {
    for (const call of membersOf(name, groups)) {
      if (removes) listed.delete(call);
      else listed.set(call, error);
    }
  }
  return listed;
}

interface Rule {
  readonly name: string;
  readonly error?: string | undefined;
  readonly removes?: boolean | undefined;
}

function toRule({ name, error, removes }: SystemCallFilter["rules"][number]): Rule {
  return { name, error, removes };
}

/** A call stands for itself. */
function membersOf(name: string, groups: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (name === "@known") return [...callNumbersOfAll()];
  if (!name.startsWith("@")) return [name];
  return (groups.get(name) ?? []).flatMap((member) => membersOf(member, groups));
}

function callNumbersOfAll(): ReadonlySet<string> {
  return new Set(
    [...ARCHITECTURES.keys()].flatMap((processor) => [...(callNumbers(processor)?.keys() ?? [])]),
  );
}

/** An error's name or number, or `kill`. */
function actionOf(error: string): number {
  if (error === "kill") return KILL_PROCESS;
  const named = Object.entries(constants.errno).find(([name]) => name === error)?.[1];
  const number = named ?? Number(error);
  return Number.isInteger(number) && number >= 0 && number <= 4095 ? failWith(number) : failWith(EPERM);
}

// --- restrictions --------------------------------------------------------------------------------------------------

function restrictionsOf(sandbox: SandboxSettings, numbers: Numbers): readonly Instruction[] {
  /** The rule for a call that a processor does not have is none. `then` may load; the number is loaded anew behind it. */
  const on = (name: string, ...then: readonly Instruction[]): readonly Instruction[] => {
    const number = numbers().get(name);
    return number === undefined ? [] : whenEqual(number, [...then, loadNumber]);
  };
  return [
    ...forbidden(sandbox).flatMap((name) => on(name, end(failWith(EPERM)))),
    ...(sandbox.restrictAddressFamilies === undefined
      ? []
      : on("socket", ...families(sandbox.restrictAddressFamilies))),
    ...(sandbox.restrictNamespaces === undefined ? [] : namespaces(sandbox.restrictNamespaces, on)),
    ...(sandbox.restrictRealtime ? on("sched_setscheduler", ...otherThan(1, [0, 3, 5])) : []),
    ...(sandbox.lockPersonality ? on("personality", ...otherThan(0, [0])) : []),
    ...(sandbox.memoryDenyWriteExecute ? writableCode(on) : []),
    ...(sandbox.restrictSuidSgid ? setIdModes(on) : []),
  ];
}

type Rules = (name: string, ...then: readonly Instruction[]) => readonly Instruction[];

/** Calls that would undo a protection, beside the mounts and capabilities that make it. */
function forbidden(sandbox: SandboxSettings): readonly string[] {
  const group = (name: string): readonly string[] => membersOf(name, callGroups());
  return [
    ...(sandbox.protectKernelModules ? group("@module") : []),
    ...(sandbox.protectKernelLogs ? ["syslog"] : []),
    ...(sandbox.protectClock ? group("@clock") : []),
    ...(sandbox.protectHostname ? ["sethostname", "setdomainname"] : []),
    ...(sandbox.privateDevices ? group("@raw-io") : []),
    ...(sandbox.protectKernelTunables ? ["_sysctl"] : []),
  ];
}

/** Ends with EPERM unless the argument is one of these. */
function otherThan(argument: number, allowed: readonly number[]): readonly Instruction[] {
  const checks = allowed.flatMap((value) => whenEqual(value, [end(ALLOW)]));
  return [loadArgument(argument), ...checks, end(failWith(EPERM))];
}

const FAMILIES: readonly string[] =
  `UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY KEY NETLINK PACKET ASH
   ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC
   VSOCK KCM QIPCRTR SMC XDP MCTP`
    .split(/\s+/)
    .map((name) => `AF_${name.toUpperCase()}`);

const SAME_FAMILY: ReadonlyMap<string, string> = new Map([
  ["AF_LOCAL", "AF_UNIX"],
  ["AF_FILE", "AF_UNIX"],
  ["AF_ROUTE", "AF_NETLINK"],
]);

function families({
  allow,
  names,
}: NonNullable<SandboxSettings["restrictAddressFamilies"]>): readonly Instruction[] {
  const listed = names
    .map((name) => FAMILIES.indexOf(SAME_FAMILY.get(name) ?? name.toUpperCase()))
    .filter((n) => n >= 0);
  const refused = end(failWith(EAFNOSUPPORT));
  if (!allow) return [loadArgument(0), ...listed.flatMap((family) => whenEqual(family, [refused]))];
  return [loadArgument(0), ...listed.flatMap((family) => whenEqual(family, [end(ALLOW)])), refused];
}

/** Flags of clone(2), unshare(2) and setns(2). */
const NAMESPACE_FLAGS: ReadonlyMap<string, number> = new Map([
  ["mnt", 0x0002_0000],
  ["cgroup", 0x0200_0000],
  ["uts", 0x0400_0000],
  ["ipc", 0x0800_0000],
  ["user", 0x1000_0000],
  ["pid", 0x2000_0000],
  ["net", 0x4000_0000],
]);

/** clone3(2) takes its flags where no filter can see them; programs do without it where it is not known. */
function namespaces(allowed: readonly string[], on: Rules): readonly Instruction[] {
  const refused = [...NAMESPACE_FLAGS].filter(([kind]) => !allowed.includes(kind));
  const bits = refused.reduce((mask, [, flag]) => mask | flag, 0);
  if (bits === 0) return [];
  const fail = end(failWith(EPERM));
  return [
    ...on("unshare", loadArgument(0), ...whenAnyBit(bits, [fail])),
    ...on("clone", loadArgument(0), ...whenAnyBit(bits, [fail])),
    ...on("setns", loadArgument(1), ...whenEqual(0, [fail]), ...whenAnyBit(bits, [fail])),
    ...on("clone3", end(failWith(ENOSYS))),
  ];
}

const PROT_WRITE = 2;
const PROT_EXEC = 4;
const SHM_EXEC = 0o100000;

/** Memory that can be written is never executed, and none becomes executable later. */
function writableCode(on: Rules): readonly Instruction[] {
  const fail = end(failWith(EPERM));
  const both = PROT_WRITE | PROT_EXEC;
  return [
    ...on("mmap", loadArgument(2), maskWith(both), ...whenEqual(both, [fail])),
    ...on("mprotect", loadArgument(2), ...whenAnyBit(PROT_EXEC, [fail])),
    ...on("pkey_mprotect", loadArgument(2), ...whenAnyBit(PROT_EXEC, [fail])),
    ...on("shmat", loadArgument(2), ...whenAnyBit(SHM_EXEC, [fail])),
  ];
}

const SET_ID_BITS = 0o6000;
const O_CREAT = 0o100;
const O_TMPFILE = 0o20000000;

/** Where each call has the mode of a file; those that open one have it only when they make one. */
const MODES: ReadonlyMap<string, { readonly mode: number; readonly flags?: number }> = new Map([
  ["chmod", { mode: 1 }],
  ["fchmod", { mode: 1 }],
  ["fchmodat", { mode: 2 }],
  ["fchmodat2", { mode: 2 }],
  ["mkdir", { mode: 1 }],
  ["mkdirat", { mode: 2 }],
  ["mknod", { mode: 1 }],
  ["mknodat", { mode: 2 }],
  ["creat", { mode: 1 }],
  ["open", { mode: 2, flags: 1 }],
  ["openat", { mode: 3, flags: 2 }],
]);

/** openat2(2) takes its mode where no filter can see it. */
function setIdModes(on: Rules): readonly Instruction[] {
  const fail = end(failWith(EPERM));
  const rules = [...MODES].flatMap(([name, { mode, flags }]) => {
    const check = [loadArgument(mode), ...whenAnyBit(SET_ID_BITS, [fail])];
    return flags === undefined
      ? on(name, ...check)
      : on(name, loadArgument(flags), ...whenAnyBit(O_CREAT | O_TMPFILE, check));
  });
  return [...rules, ...on("openat2", end(failWith(ENOSYS)))];
}
