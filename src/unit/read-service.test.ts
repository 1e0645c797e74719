import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readService } from "./read-service.ts";
import type { ServiceSettings } from "./service.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const CONTEXT = specifierContext("web@1.service");

function read(lines: string) {
  return readService(parseUnitFile(lines.startsWith("[") ? lines : `[Service]\n${lines}\n`), CONTEXT);
}

/** Settings of a service that has ExecStart= beside the lines. */
function settings(lines: string): ServiceSettings {
  const reading = read(lines.startsWith("[") ? lines : `ExecStart=/bin/true\n${lines}`);
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.diagnostics));
  return reading.settings;
}

test("systemd's defaults", () => {
  expect(settings("")).toMatchObject({
    type: "simple",
    execCondition: [],
    execStartPre: [],
    execStart: [
      {
        path: "/bin/true",
        argv: ["/bin/true"],
        ignoreFailure: false,
        literalEnvironment: false,
        privileges: "unit",
      },
    ],
    execStartPost: [],
    execReload: [],
    execStop: [],
    execStopPost: [],
    restart: "no",
    restartMs: 100,
    restartSteps: 0,
    restartMaxDelayMs: Number.POSITIVE_INFINITY,
    restartMode: "normal",
    startLimitBurst: 5,
    startLimitIntervalMs: 10_000,
    successExitStatus: { codes: [], signals: [] },
    restartPreventExitStatus: { codes: [], signals: [] },
    restartForceExitStatus: { codes: [], signals: [] },
    timeoutStartMs: 90_000,
    timeoutStopMs: 90_000,
    timeoutAbortMs: 90_000,
    timeoutStartFailureMode: "terminate",
    timeoutStopFailureMode: "terminate",
    runtimeMaxMs: Number.POSITIVE_INFINITY,
    runtimeRandomizedExtraMs: 0,
    exitType: "main",
    oomPolicy: "stop",
    fileDescriptorStoreMax: 0,
    fileDescriptorStorePreserve: "restart",
    remainAfterExit: false,
    guessMainPid: true,
    notifyAccess: "none",
    watchdogMs: 0,
    killMode: "control-group",
    killSignal: "TERM",
    restartKillSignal: "TERM",
    finalKillSignal: "KILL",
    watchdogSignal: "ABRT",
    reloadSignal: "HUP",
    sendSigkill: true,
    sendSighup: false,
    resources: {},
  });
});

describe("the type", () => {
  test.each([
    ["ExecStart=/bin/true", "simple"],
    ["Type=exec\nExecStart=/bin/true", "exec"],
    ["Type=notify-reload\nExecStart=/bin/true", "notify-reload"],
    ["Type=dbus\nBusName=org.example.A\nExecStart=/bin/true", "dbus"],
    ["BusName=org.example.A\nExecStart=/bin/true", "dbus"],
    ["RemainAfterExit=yes\nExecStop=/bin/true", "oneshot"],
    ["Type=oneshot\nType=\nExecStart=/bin/true", "oneshot"],
    ["Type=idle\nType=nonsense\nExecStart=/bin/true", "idle"],
  ])("%j is %s", (lines, type) => {
    expect(read(lines).settings?.type).toBe(type);
  });
});

describe("what is refused, in systemd's words", () => {
  test.each([
    ["User=a", "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."],
    ["Type=simple", "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."],
    ["ExecStart=/bin/true\nExecStart=", "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."],
    [
      "Type=oneshot\nExecStartPre=/bin/true",
      "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
    ],
    [
      "Type=simple\nExecStop=/bin/true",
      "Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
    ],
    [
      "ExecStop=/bin/true",
      "Service has no ExecStart= and no SuccessAction= settings and does not have RemainAfterExit=yes set. Refusing.",
    ],
    [
      "ExecStart=/bin/a\nExecStart=/bin/b",
      "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
    ],
    [
      "ExecStart=/bin/a ; /bin/b",
      "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
    ],
    [
      "Type=oneshot\nExecStart=/bin/true\nRestart=always",
      "Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing.",
    ],
    [
      "Type=oneshot\nExecStart=/bin/true\nRestart=on-success",
      "Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing.",
    ],
    [
      "Type=oneshot\nExecStart=/bin/true\nExitType=cgroup",
      "Service has ExitType=cgroup set, which isn't allowed for Type=oneshot services. Refusing.",
    ],
    [
      "Type=oneshot\nExecStart=/bin/true\nRestartForceExitStatus=1",
      "Service has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services. Refusing.",
    ],
    [
      "Type=dbus\nExecStart=/bin/true",
      "Service is of type D-Bus but no D-Bus service name has been specified. Refusing.",
    ],
  ])("%j", (lines, message) => {
    const { settings: none, diagnostics } = read(lines);
    expect(none).toBeUndefined();
    expect(diagnostics.filter(({ severity }) => severity === "error").map((found) => found.message)).toEqual([
      message,
    ]);
  });

  test.each([
    ["Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b", "a oneshot may do several things"],
    ["Type=oneshot\nExecStart=/bin/a\nRestart=on-failure", "and be repeated when it fails"],
    ["ExecStart=/bin/a\nExecStart=\nExecStart=/bin/b", "a reset leaves one command"],
    ["RemainAfterExit=yes\nExecStop=/bin/true", "something may only be undone"],
    ["[Unit]\nSuccessAction=exit\n[Service]\nType=oneshot", "or only end the machine"],
  ])("%j is fine: %s", (lines) => {
    expect(read(lines).diagnostics).toEqual([]);
  });

  test("a refusal points at the line it is about, or at the section", () => {
    expect(read("ExecStart=/bin/a\nExecStart=/bin/b").diagnostics[0]?.place).toMatchObject({ line: 3 });
    expect(read("# nothing\n\n[Service]\nUser=a\n").diagnostics[0]?.place.line).toBe(1);
    expect(read("[Unit]\n[Service]\nUser=a\n").diagnostics[0]?.place).toMatchObject({
      line: 2,
      source: "[Service]",
    });
  });

  test("a bad command is an error, a bad value a warning that leaves the default", () => {
    expect(read("ExecStart=rel/path").settings).toBeUndefined();
    const { settings: some, diagnostics } = read("ExecStart=/bin/true\nRestartSec=soon");
    expect(some?.restartMs).toBe(100);
    expect(diagnostics.map(({ message }) => message)).toEqual(["Failed to parse sec value, ignoring: soon"]);
  });

  test("a bad value leaves the earlier good one", () => {
    expect(settings("RestartSec=5\nRestartSec=soon").restartMs).toBe(5_000);
  });
});

describe("values", () => {
  test.each<[string, Partial<ServiceSettings>]>([
    ["RestartSec=1min 30", { restartMs: 90_000 }],
    ["Restart=on-failure", { restart: "on-failure" }],
    ["RestartSteps=3\nRestartMaxDelaySec=1min", { restartSteps: 3, restartMaxDelayMs: 60_000 }],
    ["TimeoutSec=5", { timeoutStartMs: 5_000, timeoutStopMs: 5_000 }],
    ["TimeoutSec=5\nTimeoutStopSec=7", { timeoutStartMs: 5_000, timeoutStopMs: 7_000 }],
    ["TimeoutStopSec=7\nTimeoutSec=5", { timeoutStopMs: 5_000 }],
    ["TimeoutStartSec=0", { timeoutStartMs: Number.POSITIVE_INFINITY }],
    ["TimeoutStartSec=infinity", { timeoutStartMs: Number.POSITIVE_INFINITY }],
    ["Type=oneshot", { timeoutStartMs: Number.POSITIVE_INFINITY, timeoutStopMs: 90_000 }],
    ["Type=oneshot\nTimeoutStartSec=3", { timeoutStartMs: 3_000 }],
    ["StartLimitBurst=2\nStartLimitInterval=30", { startLimitBurst: 2, startLimitIntervalMs: 30_000 }],
    [
      "SuccessExitStatus=1 SIGKILL\nSuccessExitStatus=TEMPFAIL 1",
      { successExitStatus: { codes: [1, 75], signals: ["KILL"] } },
    ],
    ["SuccessExitStatus=1\nSuccessExitStatus=", { successExitStatus: { codes: [], signals: [] } }],
    ["RestartPreventExitStatus=255", { restartPreventExitStatus: { codes: [255], signals: [] } }],
    ["Type=notify", { notifyAccess: "main" }],
    ["Type=notify\nNotifyAccess=all", { notifyAccess: "all" }],
    ["Type=notify\nNotifyAccess=none", { notifyAccess: "main" }],
    ["WatchdogSec=2", { watchdogMs: 2_000, notifyAccess: "main" }],
    ["Type=forking\nPIDFile=web.pid", { pidFile: "/run/web.pid" }],
    ["PIDFile=/run/%i.pid", { pidFile: "/run/1.pid" }],
    ["KillSignal=SIGINT\nKillMode=mixed", { killSignal: "INT", killMode: "mixed" }],
    ["KillSignal=2", { killSignal: "INT", restartKillSignal: "INT" }],
    ["WatchdogSignal=SIGQUIT\nReloadSignal=USR1", { watchdogSignal: "QUIT", reloadSignal: "USR1" }],
    ["TimeoutStopSec=3", { timeoutStopMs: 3_000, timeoutAbortMs: 3_000 }],
    ["TimeoutStopSec=3\nTimeoutAbortSec=7", { timeoutStopMs: 3_000, timeoutAbortMs: 7_000 }],
    [
      "TimeoutStartFailureMode=kill\nTimeoutStopFailureMode=abort",
      { timeoutStartFailureMode: "kill", timeoutStopFailureMode: "abort" },
    ],
    [
      "RuntimeMaxSec=1\nRuntimeRandomizedExtraSec=2",
      { runtimeMaxMs: 1_000, runtimeRandomizedExtraMs: 2_000 },
    ],
    ["RestartMode=direct\nExitType=cgroup", { restartMode: "direct", exitType: "cgroup" }],
    ["OOMPolicy=kill", { oomPolicy: "kill" }],
    ["Delegate=yes", { oomPolicy: "continue" }],
    ["Delegate=no", { oomPolicy: "stop" }],
    ["PermissionsStartOnly=yes", { permissionsStartOnly: true }],
    ["RootDirectoryStartOnly=yes", { rootDirectoryStartOnly: true }],
    ["FileDescriptorStorePreserve=yes", { fileDescriptorStorePreserve: "yes" }],
    ["FileDescriptorStoreMax=4", { fileDescriptorStoreMax: 4, notifyAccess: "main" }],
    ["KillSignal=64", { killSignal: "RTMIN+30" }],
    [
      "RestartKillSignal=HUP\nSendSIGKILL=no\nSendSIGHUP=1",
      { restartKillSignal: "HUP", sendSigkill: false, sendSighup: true },
    ],
    [
      "Environment=A=1 B=%i\nEnvironment=C=3",
      {
        environment: [
          ["A", "1"],
          ["B", "1"],
          ["C", "3"],
        ],
      },
    ],
    ["Environment=A=1\nEnvironment=\nEnvironment=B=2", { environment: [["B", "2"]] }],
    [
      "EnvironmentFile=/etc/a\nEnvironmentFile=-/etc/%i",
      {
        environmentFiles: [
          { path: "/etc/a", optional: false },
          { path: "/etc/1", optional: true },
        ],
      },
    ],
    ["PassEnvironment=A B", { passEnvironment: ["A", "B"] }],
    ["WorkingDirectory=~", { workingDirectory: { path: "~", optional: false } }],
    ["WorkingDirectory=-/srv//%i/", { workingDirectory: { path: "/srv/1", optional: true } }],
    [
      "User=www-data\nGroup=50\nSupplementaryGroups=a b",
      { user: "www-data", group: "50", supplementaryGroups: ["a", "b"] },
    ],
    ["UMask=0077\nNice=-5\nOOMScoreAdjust=500", { umask: 0o077, nice: -5, oomScoreAdjust: 500 }],
    ["LimitNOFILE=1024:4096", { rlimits: [{ name: "nofile", soft: 1024, hard: 4096 }] }],
    [
      "LimitCORE=infinity",
      { rlimits: [{ name: "core", soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY }] },
    ],
    ["LimitAS=1G", { rlimits: [{ name: "as", soft: 1_073_741_824, hard: 1_073_741_824 }] }],
    ["LimitCPU=1min", { rlimits: [{ name: "cpu", soft: 60, hard: 60 }] }],
    ["LimitNICE=+5", { rlimits: [{ name: "nice", soft: 15, hard: 15 }] }],
    [
      "StandardOutput=append:/var/log/%p.log",
      { standardOutput: { kind: "append", path: "/var/log/web.log" } },
    ],
    ["StandardError=null", { standardError: { kind: "null" } }],
    ["StandardOutput=journal+console", { standardOutput: { kind: "journal" } }],
    ["NoNewPrivileges=on", { noNewPrivileges: true }],
    [
      "MemoryMax=512M\nMemoryHigh=50%\nMemoryMin=1K\nCPUQuota=150%\nCPUWeight=200\nTasksMax=20",
      {
        resources: {
          memoryMax: { bytes: 536_870_912 },
          memoryHigh: { share: 0.5 },
          memoryMin: { bytes: 1024 },
          cpuCores: 1.5,
          cpuWeight: 200,
          tasksMax: { count: 20 },
        },
      },
    ],
    [
      "MemoryMax=infinity\nTasksMax=10%",
      { resources: { memoryMax: { bytes: Number.POSITIVE_INFINITY }, tasksMax: { share: 0.1 } } },
    ],
    [
      "ExecReload=/bin/kill -HUP $MAINPID",
      {
        execReload: [
          {
            path: "/bin/kill",
            argv: ["/bin/kill", "-HUP", "$MAINPID"],
            ignoreFailure: false,
            literalEnvironment: false,
            privileges: "unit",
          },
        ],
      },
    ],
  ])("%j", (lines, expected) => {
    expect(settings(lines)).toMatchObject(expected);
  });

  test("start limits of [Unit] beat the old ones of [Service]", () => {
    const text =
      "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1\n[Service]\nExecStart=/bin/true\nStartLimitBurst=9\n";
    expect(settings(text)).toMatchObject({ startLimitBurst: 3, startLimitIntervalMs: 1_000 });
  });
});

test("no text makes it throw, and settings come without errors only", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "[Service]",
      "Type=oneshot",
      "ExecStart=/bin/true",
      "ExecStart=",
      "Restart=always",
      "LimitCPU=%z",
    ),
    fc
      .tuple(fc.constantFrom("ExecStart", "User", "Environment", "MemoryMax", "TimeoutSec"), fc.string())
      .map(([key, value]) => `${key}=${value}`),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { settings: found, diagnostics } = read(`[Service]\n${lines.join("\n")}`);
      expect(found === undefined).toBe(diagnostics.some(({ severity }) => severity === "error"));
    }),
  );
});
