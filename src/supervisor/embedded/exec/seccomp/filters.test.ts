import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { execSettings } from "../testing.ts";
import { ALLOW, assemble, KILL_PROCESS, loadNumber, MAX_INSTRUCTIONS, maskWith } from "./bpf.ts";
import { callGroups } from "./call-groups.ts";
import { callNumbers } from "./call-numbers.ts";
import { seccompPrograms, whyNoFilters } from "./filters.ts";

const ARCHITECTURE = { x64: 0xc000003e, arm64: 0xc00000b7 };
const { EPERM, ENOSYS, EACCES, EAFNOSUPPORT } = constants.errno;

interface Call {
  readonly number: number;
  readonly architecture: number;
  readonly args: readonly number[];
}

/** What the kernel's own machine makes of a call: 0 where it is let through, an error's number, or `kill`. */
function outcome(program: string, { number, architecture, args }: Call): number | "kill" {
  const bytes = new DataView(
    Uint8Array.from(program.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).buffer,
  );
  let loaded = 0;
  for (let at = 0; at < bytes.byteLength / 8; at++) {
    const value = bytes.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): number => bytes.getUint8(at * 8 + (holds ? 2 : 3));
    switch (bytes.getUint16(at * 8, true)) {
      case 0x20:
        loaded = [number, architecture][value / 4] ?? args[(value - 16) / 8] ?? 0;
        break;
      case 0x54:
        loaded = (loaded & value) >>> 0;
        break;
      case 0x15:
        at += jump(loaded === value);
        break;
      case 0x35:
        at += jump(loaded >= value);
        break;
      case 0x45:
        at += jump((loaded & value) !== 0);
        break;
      case 0x06:
        if (value === KILL_PROCESS) return "kill";
        return value === ALLOW ? 0 : value & 0xffff;
      default:
        throw new Error(`instruction ${at} is none that is used`);
    }
  }
  throw new Error("the program does not end");
}

type Processor = keyof typeof ARCHITECTURE;

/** What becomes of a call by name under settings: that of the first filter that does not let it through. */
function callUnder(
  lines: readonly string[],
  name: string,
  args: readonly number[] = [],
  processor: Processor = "x64",
) {
  const number = callNumbers(processor)?.get(name);
  if (number === undefined) throw new Error(`there is no call ${name}`);
  const call = { number, architecture: ARCHITECTURE[processor], args };
  const programs = seccompPrograms(execSettings(...lines), processor);
  return programs.map((program) => outcome(program, call)).find((result) => result !== 0) ?? 0;
}

test("a plain unit has no filter, and a processor that is not known can have none", () => {
  expect(seccompPrograms(execSettings(), "x64")).toEqual([]);
  expect(seccompPrograms(execSettings("RestrictRealtime=yes"), "mips")).toEqual([]);
  expect(whyNoFilters("mips")).toContain("mips");
  expect(whyNoFilters("arm64")).toBeUndefined();
});

describe("an allow list", () => {
  test.each([
    ["read", 0],
    ["openat", 0],
    ["execve", 0],
    ["exit_group", 0],
    ["mount", "kill"],
    ["reboot", "kill"],
  ])("@system-service: %s", (name, expected) => {
    expect(callUnder(["SystemCallFilter=@system-service"], name)).toBe(expected);
    expect(callUnder(["SystemCallFilter=@system-service"], name, [], "arm64")).toBe(expected);
  });

  test("fails with the error that is asked for", () => {
    expect(callUnder(["SystemCallFilter=@system-service", "SystemCallErrorNumber=EACCES"], "mount")).toBe(
      EACCES,
    );
    expect(callUnder(["SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"], "mount")).toBe(
      EPERM,
    );
  });

  test("takes calls away again, and back", () => {
    const lines = ["SystemCallFilter=@system-service", "SystemCallFilter=~@chown"];
    expect(callUnder(lines, "fchown")).toBe("kill");
    expect(callUnder([...lines, "SystemCallFilter=fchown"], "fchown")).toBe(0);
  });

  test("a call that is not known yet fails as unknown", () => {
    const [program = ""] = seccompPrograms(execSettings("SystemCallFilter=@system-service"), "x64");
    expect(outcome(program, { number: 999, architecture: ARCHITECTURE.x64, args: [] })).toBe(ENOSYS);
  });
});

describe("a deny list", () => {
  test.each([
    ["~@mount", "mount", "kill"],
    ["~@mount", "read", 0],
    ["~mount:EACCES read", "mount", EACCES],
    ["~mount:5 read", "read", "kill"],
    ["~mount:5", "mount", 5],
    ["~@privileged", "chroot", "kill"],
  ])("%s: %s", (filter, name, expected) => {
    expect(callUnder([`SystemCallFilter=${filter}`], name)).toBe(expected);
  });
});

describe("restrictions", () => {
  test.each([
    ["RestrictAddressFamilies=AF_UNIX AF_INET", "socket", [1], 0],
    ["RestrictAddressFamilies=AF_UNIX AF_INET", "socket", [10], EAFNOSUPPORT],
    ["RestrictAddressFamilies=~AF_PACKET", "socket", [17], EAFNOSUPPORT],
    ["RestrictAddressFamilies=~AF_PACKET", "socket", [2], 0],
    ["RestrictAddressFamilies=none", "socket", [1], EAFNOSUPPORT],
    ["RestrictAddressFamilies=AF_UNIX", "connect", [17], 0],
    ["RestrictNamespaces=yes", "unshare", [0x20000], EPERM],
    ["RestrictNamespaces=yes", "clone", [0x10000000], EPERM],
    ["RestrictNamespaces=yes", "clone", [17], 0],
    ["RestrictNamespaces=yes", "setns", [0, 0], EPERM],
    ["RestrictNamespaces=yes", "clone3", [], ENOSYS],
    ["RestrictNamespaces=net", "unshare", [0x40000000], 0],
    ["RestrictNamespaces=net", "unshare", [0x40020000], EPERM],
    ["RestrictNamespaces=~user", "unshare", [0x10000000], EPERM],
    ["RestrictNamespaces=~user", "unshare", [0x20000], 0],
    ["RestrictRealtime=yes", "sched_setscheduler", [0, 1], EPERM],
    ["RestrictRealtime=yes", "sched_setscheduler", [0, 3], 0],
    ["LockPersonality=yes", "personality", [8], EPERM],
    ["LockPersonality=yes", "personality", [0], 0],
    ["MemoryDenyWriteExecute=yes", "mmap", [0, 0, 6], EPERM],
    ["MemoryDenyWriteExecute=yes", "mmap", [0, 0, 5], 0],
    ["MemoryDenyWriteExecute=yes", "mprotect", [0, 0, 4], EPERM],
    ["MemoryDenyWriteExecute=yes", "mprotect", [0, 0, 3], 0],
    ["MemoryDenyWriteExecute=yes", "shmat", [0, 0, 0o100000], EPERM],
    ["RestrictSUIDSGID=yes", "fchmod", [0, 0o4755], EPERM],
    ["RestrictSUIDSGID=yes", "fchmodat", [0, 0, 0o2755], EPERM],
    ["RestrictSUIDSGID=yes", "fchmodat", [0, 0, 0o1777], 0],
    ["RestrictSUIDSGID=yes", "openat", [0, 0, 0o100, 0o4755], EPERM],
    ["RestrictSUIDSGID=yes", "openat", [0, 0, 0, 0o4755], 0],
    ["RestrictSUIDSGID=yes", "openat2", [], ENOSYS],
    ["ProtectKernelModules=yes", "init_module", [], EPERM],
    ["ProtectKernelLogs=yes", "syslog", [], EPERM],
    ["ProtectClock=yes", "settimeofday", [], EPERM],
    ["ProtectHostname=yes", "sethostname", [], EPERM],
  ] as const)("%s: %s %j", (line, name, args, expected) => {
    expect(callUnder([line], name, args)).toBe(expected);
    expect(callUnder([line], name, args, "arm64")).toBe(expected);
  });

  test("several hold beside each other", () => {
    const lines = ["RestrictRealtime=yes", "RestrictAddressFamilies=AF_UNIX", "MemoryDenyWriteExecute=yes"];
    expect(callUnder(lines, "socket", [2])).toBe(EAFNOSUPPORT);
    expect(callUnder(lines, "mmap", [0, 0, 6])).toBe(EPERM);
    expect(callUnder(lines, "read")).toBe(0);
  });
});

describe("calls of another kind of program", () => {
  const foreign = { number: 1, architecture: 0x40000003, args: [] };

  test.each([
    ["RestrictRealtime=yes", ENOSYS],
    ["SystemCallFilter=~mount", ENOSYS],
    ["SystemCallArchitectures=native", "kill"],
  ])("do not get around %s", (line, expected) => {
    const [program = ""] = seccompPrograms(execSettings(line), "x64");
    expect(outcome(program, foreign)).toBe(expected);
    expect(outcome(program, { number: 0x40000001, architecture: ARCHITECTURE.x64, args: [] })).toBe(expected);
  });
});

test("whatever is listed, a program ends and is not too long", () => {
  const names = [...(callNumbers("x64")?.keys() ?? []), ...callGroups().keys()];
  fc.assert(
    fc.property(
      fc.subarray(names, { maxLength: 30 }),
      fc.boolean(),
      fc.nat(600),
      fc.array(fc.nat(0xffff_ffff), { maxLength: 6 }),
      (listed, isDenyList, number, args) => {
        const lines = [
          `SystemCallFilter=${isDenyList ? "~" : ""}${listed.join(" ")}`,
          "PrivateDevices=yes",
          "RestrictSUIDSGID=yes",
        ];
        for (const program of seccompPrograms(execSettings(...lines), "x64")) {
          expect(program.length / 16).toBeLessThanOrEqual(MAX_INSTRUCTIONS);
          expect(["number", "string"]).toContain(
            typeof outcome(program, { number, architecture: ARCHITECTURE.x64, args }),
          );
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("instructions are eight bytes, least significant first", () => {
  expect(assemble([loadNumber, maskWith(0x01020304)])).toBe("20000000000000005400000004030201");
});

test("every group's members are calls of some processor, or groups", () => {
  const calls = new Set([...(callNumbers("x64")?.keys() ?? []), ...(callNumbers("arm64")?.keys() ?? [])]);
  const groups = callGroups();
  const strangers = [...groups.values()].flat().filter((name) => !calls.has(name) && !groups.has(name));
  expect(strangers).toEqual([]);
  expect([callNumbers("x64")?.get("execve"), callNumbers("arm64")?.get("execve")]).toEqual([59, 221]);
});
