import { describe, expect, test } from "vitest";
import { ALL_CAPABILITIES, capabilitySet } from "./capabilities.ts";
import { type ExecSettings, privatePath } from "./exec-settings.ts";
import { readExec } from "./read-exec.ts";
import { SectionReader } from "./section-reader.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const CONTEXT = specifierContext("web@1.service");

function exec(...lines: readonly string[]): ExecSettings {
  const file = parseUnitFile(`[Service]\n${lines.join("\n")}\n`);
  return readExec(new SectionReader(file, "Service", CONTEXT), CONTEXT);
}

test("systemd's defaults", () => {
  expect(exec()).toEqual({
    environment: [],
    environmentFiles: [],
    passEnvironment: [],
    unsetEnvironment: [],
    execSearchPath: [],
    supplementaryGroups: [],
    dynamicUser: false,
    umask: 0o022,
    rlimits: [],
    scheduling: { cpuAffinity: [], cpuPriority: 0, resetOnFork: false },
    ignoreSigpipe: true,
    standardInput: { kind: "null" },
    inputData: new Uint8Array(),
    standardOutput: { kind: "journal" },
    standardError: { kind: "inherit" },
    log: { facility: 3, level: 6, levelPrefix: true, extraFields: [] },
    directories: [],
    credentials: { loaded: [], set: [], directory: "/run/credentials/web@1.service" },
    noNewPrivileges: false,
    capabilityAmbient: 0n,
    sandbox: {
      privateTmp: false,
      privateDevices: false,
      privateNetwork: false,
      privateUsers: false,
      privateIpc: false,
      privateMounts: false,
      protectSystem: "no",
      protectHome: "no",
      protectKernelTunables: false,
      protectKernelModules: false,
      protectKernelLogs: false,
      protectControlGroups: false,
      protectClock: false,
      protectHostname: false,
      protectProc: "default",
      procSubset: "all",
      readWritePaths: [],
      readOnlyPaths: [],
      inaccessiblePaths: [],
      execPaths: [],
      noExecPaths: [],
      binds: [],
      temporaryFileSystems: [],
      restrictSuidSgid: false,
      restrictRealtime: false,
      lockPersonality: false,
      memoryDenyWriteExecute: false,
      systemCallArchitectures: [],
    },
  });
});

describe("streams", () => {
  test("text and data for the input add up in the order of their kinds, and are the input without more", () => {
    const { standardInput, inputData } = exec(
      "StandardInputText=a\\tb",
      'StandardInputText=say "x"',
      "StandardInputData=Y2Q=",
    );
    expect(standardInput).toEqual({ kind: "data" });
    expect(new TextDecoder().decode(inputData)).toBe('a\tb\nsay "x"\ncd');
  });

  test.each([
    ["null", { kind: "null" }],
    ["tty", { kind: "null" }],
    ["file:/a/%i", { kind: "file", path: "/a/1" }],
    ["fd:web", { kind: "fd", name: "web" }],
    ["fd", { kind: "fd", name: "stdin" }],
    ["socket", { kind: "socket" }],
    ["file:a", { kind: "null" }],
  ])("StandardInput=%s", (value, expected) => {
    expect(exec(`StandardInput=${value}`).standardInput).toEqual(expected);
  });

  test.each([
    ["kmsg+console", { kind: "kmsg" }],
    ["journal+console", { kind: "journal" }],
    ["fd", { kind: "fd", name: "stdout" }],
    ["append:/a//b", { kind: "append", path: "/a/b" }],
    ["truncate:/a", { kind: "truncate", path: "/a" }],
    ["file:b", { kind: "journal" }],
    ["nowhere", { kind: "journal" }],
  ])("StandardOutput=%s", (value, expected) => {
    expect(exec(`StandardOutput=${value}`).standardOutput).toEqual(expected);
  });

  test("who reads a connection answers on it", () => {
    expect(exec("StandardInput=socket").standardOutput).toEqual({ kind: "inherit" });
    expect(exec("StandardInput=socket", "StandardOutput=null").standardOutput).toEqual({ kind: "null" });
  });
});

describe("scheduling", () => {
  test.each([
    [["CPUAffinity=0-2 5,7", "CPUAffinity=1 9"], { cpuAffinity: [0, 1, 2, 5, 7, 9] }],
    [["NUMAPolicy=bind", "NUMAMask=0-1", "NUMAMask=3"], { numaPolicy: 2, numaNodes: "0-1,3" }],
    [["NUMAPolicy=local"], { numaPolicy: 4 }],
    [["NUMAPolicy=interleave", "NUMAMask=1", "NUMAMask=all"], { numaPolicy: 3, numaNodes: "all" }],
    [["NUMAMask=1", "NUMAMask="], {}],
    [["CPUAffinity=1", "CPUAffinity="], { cpuAffinity: [] }],
    [["CPUAffinity=2-1"], { cpuAffinity: [] }],
    [["CPUSchedulingPolicy=batch", "CPUSchedulingPriority=5"], { cpuPolicy: 3, cpuPriority: 0 }],
    [["CPUSchedulingPolicy=fifo"], { cpuPolicy: 1, cpuPriority: 1 }],
    [["CPUSchedulingPolicy=rr", "CPUSchedulingPriority=50"], { cpuPolicy: 2, cpuPriority: 50 }],
    [["IOSchedulingClass=idle"], { ioPriority: (3 << 13) | 4 }],
    [["IOSchedulingClass=1", "IOSchedulingPriority=2"], { ioPriority: (1 << 13) | 2 }],
    [["IOSchedulingPriority=7"], { ioPriority: (2 << 13) | 7 }],
    [["TimerSlackNSec=50"], { timerSlackNs: 50 }],
    [["TimerSlackNSec=2us"], { timerSlackNs: 2000 }],
  ])("%j", (lines, expected) => {
    expect(exec(...lines).scheduling).toMatchObject(expected);
  });
});

describe("directories", () => {
  test("each kind has its root, its mode and its links", () => {
    expect(
      exec("RuntimeDirectory=a b/c:link", "StateDirectory=%i", "StateDirectoryMode=700").directories,
    ).toEqual([
      {
        kind: "runtime",
        root: "/run",
        paths: ["/run/a", "/run/b/c"],
        links: [{ path: "/run/link", target: "/run/b/c" }],
        mode: 0o755,
        isPrivate: false,
        kept: "stop",
      },
      {
        kind: "state",
        root: "/var/lib",
        paths: ["/var/lib/1"],
        links: [],
        mode: 0o700,
        isPrivate: false,
        kept: "ever",
      },
    ]);
  });

  test.each([
    ["yes", "ever"],
    ["restart", "restart"],
    ["no", "stop"],
  ])("RuntimeDirectoryPreserve=%s", (value, kept) => {
    expect(exec("RuntimeDirectory=a", `RuntimeDirectoryPreserve=${value}`).directories).toMatchObject([
      { kept },
    ]);
  });

  test("a dynamic user's own are private where they stay", () => {
    expect(exec("DynamicUser=yes", "RuntimeDirectory=r", "StateDirectory=a/b").directories).toMatchObject([
      { kind: "runtime", paths: ["/run/r"], isPrivate: false },
      { kind: "state", paths: ["/var/lib/a/b"], isPrivate: true },
    ]);
    expect(privatePath("/var/lib", "/var/lib/a/b")).toBe("/var/lib/private/a/b");
  });

  test.each(["/abs", "../up", "a/../b", "a:/abs"])("%s is no directory's name", (name) => {
    expect(exec(`StateDirectory=${name}`).directories).toEqual([]);
  });
});

describe("the log", () => {
  test.each([
    [["SyslogIdentifier=%p"], { identifier: "web" }],
    [["SyslogFacility=local3"], { facility: 19 }],
    [["SyslogFacility=ftp", "SyslogLevel=warning"], { facility: 11, level: 4 }],
    [
      ["SyslogLevel=7", "LogLevelMax=notice", "SyslogLevelPrefix=no"],
      { level: 7, levelMax: 5, levelPrefix: false },
    ],
    [["LogExtraFields=A=1 B=%i", "LogExtraFields=C=x"], { extraFields: ["A=1", "B=1", "C=x"] }],
    [["LogExtraFields=_SYSTEMD_UNIT=x lower=y"], { extraFields: [] }],
    [["LogRateLimitIntervalSec=5s", "LogRateLimitBurst=9"], { rateLimitIntervalMs: 5000, rateLimitBurst: 9 }],
  ])("%j", (lines, expected) => {
    expect(exec(...lines).log).toMatchObject(expected);
  });
});

describe("capabilities", () => {
  const net = capabilitySet("CAP_NET_ADMIN", "CAP_NET_RAW");

  test.each([
    [["CapabilityBoundingSet=CAP_NET_ADMIN cap_net_raw"], net],
    [["CapabilityBoundingSet=CAP_NET_ADMIN", "CapabilityBoundingSet=CAP_NET_RAW"], net],
    [["CapabilityBoundingSet=~CAP_NET_ADMIN CAP_NET_RAW"], ALL_CAPABILITIES & ~net],
    [
      ["CapabilityBoundingSet=CAP_NET_ADMIN CAP_KILL", "CapabilityBoundingSet=~CAP_KILL"],
      capabilitySet("CAP_NET_ADMIN"),
    ],
    [["CapabilityBoundingSet="], 0n],
    [["CapabilityBoundingSet=~"], undefined],
    [["PrivateDevices=yes"], ALL_CAPABILITIES & ~capabilitySet("CAP_MKNOD", "CAP_SYS_RAWIO")],
    [["CapabilityBoundingSet=CAP_SYS_TIME CAP_CHOWN", "ProtectClock=yes"], capabilitySet("CAP_CHOWN")],
    [["CapabilityBoundingSet=CAP_NO_SUCH CAP_CHOWN"], capabilitySet("CAP_CHOWN")],
  ])("%j", (lines, expected) => {
    expect(exec(...lines).capabilityBounding).toEqual(expected);
  });

  test("ambient ones begin with none", () => {
    expect(
      exec("AmbientCapabilities=CAP_NET_ADMIN", "AmbientCapabilities=CAP_NET_RAW").capabilityAmbient,
    ).toBe(net);
    expect(exec("AmbientCapabilities=CAP_NET_ADMIN", "AmbientCapabilities=").capabilityAmbient).toBe(0n);
  });

  test("secure bits are the kernel's mask", () => {
    expect(exec("SecureBits=noroot keep-caps", "SecureBits=no-setuid-fixup-locked").secureBits).toBe(
      1 | 16 | 8,
    );
  });
});

describe("the sandbox", () => {
  test("a dynamic user may leave nothing behind", () => {
    const { noNewPrivileges, sandbox } = exec("DynamicUser=yes", "ProtectHome=tmpfs");
    expect(noNewPrivileges).toBe(true);
    expect(sandbox).toMatchObject({
      privateTmp: true,
      protectSystem: "strict",
      protectHome: "tmpfs",
      restrictSuidSgid: true,
    });
  });

  test("paths may be missing with -, and are below the unit's root with +", () => {
    expect(exec("ReadOnlyPaths=/a -/b -+/c +/d", "ReadOnlyDirectories=/old").sandbox.readOnlyPaths).toEqual([
      { path: "/old", optional: false, belowRoot: false },
      { path: "/a", optional: false, belowRoot: false },
      { path: "/b", optional: true, belowRoot: false },
      { path: "/c", optional: true, belowRoot: true },
      { path: "/d", optional: false, belowRoot: true },
    ]);
    expect(exec("ReadOnlyPaths=/a rel").sandbox.readOnlyPaths).toHaveLength(1);
  });

  test("binds name source, destination and whether what is mounted below comes along", () => {
    expect(exec("BindPaths=/a -/b:/c /d:/e:norbind", "BindReadOnlyPaths=/x\\:y:/z").sandbox.binds).toEqual([
      { source: "/a", destination: "/a", optional: false, recursive: true, readOnly: false },
      { source: "/b", destination: "/c", optional: true, recursive: true, readOnly: false },
      { source: "/d", destination: "/e", optional: false, recursive: false, readOnly: false },
      { source: "/x:y", destination: "/z", optional: false, recursive: true, readOnly: true },
    ]);
    expect(exec("BindPaths=/a:/b:nope a:b").sandbox.binds).toEqual([]);
  });

  test("temporary file systems carry mount options", () => {
    expect(exec("TemporaryFileSystem=/a /b:ro,size=1M").sandbox.temporaryFileSystems).toEqual([
      { path: "/a", options: "" },
      { path: "/b", options: "ro,size=1M" },
    ]);
  });

  test.each([
    [["RestrictNamespaces=yes"], []],
    [["RestrictNamespaces=no"], undefined],
    [["RestrictNamespaces=net mnt"], ["net", "mnt"]],
    [["RestrictNamespaces=~user"], ["cgroup", "ipc", "net", "mnt", "pid", "uts"]],
    [["RestrictNamespaces=yes", "RestrictNamespaces=no"], undefined],
  ])("%j", (lines, expected) => {
    expect(exec(...lines).sandbox.restrictNamespaces).toEqual(expected);
  });

  test.each([
    [["RestrictAddressFamilies=AF_UNIX AF_INET"], { allow: true, names: ["AF_UNIX", "AF_INET"] }],
    [["RestrictAddressFamilies=~AF_PACKET"], { allow: false, names: ["AF_PACKET"] }],
    [
      ["RestrictAddressFamilies=AF_UNIX AF_INET", "RestrictAddressFamilies=~AF_INET"],
      { allow: true, names: ["AF_UNIX"] },
    ],
    [["RestrictAddressFamilies=none"], { allow: true, names: [] }],
  ])("%j", (lines, expected) => {
    expect(exec(...lines).sandbox.restrictAddressFamilies).toEqual(expected);
  });

  test("only a list of what is not allowed gives calls errors of their own", () => {
    expect(exec("SystemCallFilter=~reboot:EPERM").sandbox.systemCallFilter?.rules).toEqual([
      { name: "reboot", error: "EPERM" },
    ]);
  });

  test("a filter's first line says whether it allows; a line of the other kind takes away", () => {
    const { systemCallFilter, systemCallError } = exec(
      "SystemCallFilter=@system-service reboot:EPERM",
      "SystemCallFilter=~@mount",
      "SystemCallErrorNumber=EACCES",
    ).sandbox;
    expect(systemCallFilter).toEqual({
      allow: true,
      rules: [{ name: "@system-service" }, { name: "@mount", removes: true }],
    });
    expect(systemCallError).toBe("EACCES");
  });
});

test("credentials are named like files", () => {
  expect(
    exec("LoadCredential=a:/etc/a", "LoadCredential=b", "SetCredential=c:x\\ny:z").credentials,
  ).toMatchObject({
    loaded: [
      { name: "a", path: "/etc/a" },
      { name: "b", path: "b" },
    ],
    set: [{ name: "c", value: "x\ny:z" }],
  });
  expect(exec("LoadCredential=../a:/etc/a", "SetCredential=no-colon").credentials).toMatchObject({
    loaded: [],
    set: [],
  });
});
