import { describe, expect, test } from "vitest";
import { needsMounts, planMounts } from "./mount-plan.ts";
import { execSettings } from "./testing.ts";

const SOURCES = { inaccessible: "/inaccessible", privateTmp: "/p/tmp", privateVarTmp: "/p/var" };

/** Kind, path and source of each mount, in order. */
function plan(...lines: readonly string[]): readonly string[] {
  return planMounts(execSettings(...lines), SOURCES).map(({ kind, path, source, readOnly, optional }) =>
    [kind, path, source ?? "", readOnly ? "ro" : "", optional ? "optional" : ""]
      .join(" ")
      .replace(/ +/g, " ")
      .trim(),
  );
}

describe("whether a unit needs mounts of its own", () => {
  test.each([
    ["PrivateTmp=yes"],
    ["PrivateDevices=yes"],
    ["PrivateMounts=yes"],
    ["PrivateIPC=yes"],
    ["ProtectSystem=yes"],
    ["ProtectHome=tmpfs"],
    ["ProtectKernelTunables=yes"],
    ["ProtectKernelModules=yes"],
    ["ProtectKernelLogs=yes"],
    ["ProtectControlGroups=yes"],
    ["ProtectProc=invisible"],
    ["ProcSubset=pid"],
    ["ReadWritePaths=/a"],
    ["ReadOnlyPaths=/a"],
    ["InaccessiblePaths=/a"],
    ["NoExecPaths=/a"],
    ["BindPaths=/a"],
    ["TemporaryFileSystem=/a"],
    ["MountFlags=slave"],
    ["RootDirectory=/a"],
    ["DynamicUser=yes"],
  ])("%s does", (line) => {
    expect(needsMounts(execSettings(line))).toBe(true);
  });

  test.each([
    [""],
    ["PrivateNetwork=yes"],
    ["PrivateUsers=yes"],
    ["ProtectHostname=yes"],
    ["ProtectClock=yes"],
    ["RuntimeDirectory=a"],
    ["MountFlags=shared"],
    ["NoNewPrivileges=yes"],
  ])("%s does not", (line) => {
    expect(needsMounts(execSettings(line))).toBe(false);
  });

  test("a root without the kernel's file systems is entered without any", () => {
    expect(needsMounts(execSettings("RootDirectory=/a", "MountAPIVFS=no"))).toBe(false);
  });
});

describe("the order", () => {
  test("what is above comes before what is below, and neighbours do not come between", () => {
    expect(plan("ReadOnlyPaths=/a/b /a-c /a /a/b/c")).toEqual([
      "read-only /a",
      "read-only /a/b",
      "read-only /a/b/c",
      "read-only /a-c",
    ]);
  });

  test("of two for one path the stricter one counts", () => {
    expect(plan("ReadWritePaths=/a", "ReadOnlyPaths=/a")).toEqual(["read-only /a"]);
    expect(plan("ReadOnlyPaths=/a", "InaccessiblePaths=/a")).toEqual(["inaccessible /a /inaccessible"]);
  });

  test("what is mounted on a path that is read-only as well is read-only", () => {
    expect(plan("BindPaths=/b:/a", "ReadOnlyPaths=/a")).toEqual(["rbind /a /b ro"]);
    expect(plan("TemporaryFileSystem=/a", "ReadOnlyPaths=/a")).toEqual(["read-only /a"]);
  });

  test("nothing counts below what is inaccessible", () => {
    expect(
      plan("InaccessiblePaths=/a", "ReadWritePaths=/a/b", "BindPaths=/c:/a/d", "ReadOnlyPaths=/ab"),
    ).toEqual(["inaccessible /a /inaccessible", "read-only /ab"]);
  });
});

describe("each key", () => {
  test("ProtectSystem=strict closes everything but the kernel's own and homes", () => {
    expect(plan("ProtectSystem=strict")).toEqual([
      "read-only /",
      "read-write-implicit /dev optional",
      "read-write-implicit /home optional",
      "read-write-implicit /proc optional",
      "read-write-implicit /root optional",
      "read-write-implicit /run/user optional",
      "read-write-implicit /sys optional",
    ]);
  });

  test("ProtectSystem=full closes /etc, and yes does not", () => {
    expect(plan("ProtectSystem=full")).toContain("read-only /etc optional");
    expect(plan("ProtectSystem=yes")).not.toContain("read-only /etc optional");
    expect(plan("ProtectSystem=yes")).toContain("read-only /usr optional");
  });

  test.each([
    ["yes", "inaccessible /home /inaccessible optional"],
    ["read-only", "read-only /home optional"],
    ["tmpfs", "tmpfs /home ro optional"],
  ])("ProtectHome=%s", (value, expected) => {
    expect(plan(`ProtectHome=${value}`)).toContain(expected);
  });

  test("with ProtectSystem=strict homes are ProtectHome='s affair", () => {
    expect(plan("ProtectSystem=strict", "ProtectHome=yes")).toContain(
      "inaccessible /root /inaccessible optional",
    );
    expect(plan("ProtectSystem=strict", "ProtectHome=tmpfs")).toContain("tmpfs /root ro optional");
  });

  test("PrivateTmp= shows the run's own directories, where there are any", () => {
    expect(plan("PrivateTmp=yes")).toEqual(["bind /tmp /p/tmp", "bind /var/tmp /p/var"]);
    expect(planMounts(execSettings("PrivateTmp=yes"), { inaccessible: "/i" })).toEqual([]);
  });

  test("PrivateDevices= is a /dev of its own", () => {
    expect(plan("PrivateDevices=yes")).toEqual(["dev /dev"]);
  });

  test.each([
    ["ProtectProc=noaccess", "hidepid=noaccess"],
    ["ProcSubset=pid", "subset=pid"],
    ["ProtectProc=invisible\nProcSubset=pid", "hidepid=invisible,subset=pid"],
  ])("%j is a /proc of its own", (lines, options) => {
    expect(planMounts(execSettings(lines), SOURCES)).toMatchObject([
      { kind: "proc", path: "/proc", options },
    ]);
  });

  test("the kernel's variables are read-only, and its control groups not for that", () => {
    const mounts = plan("ProtectKernelTunables=yes");
    expect(mounts).toContain("read-only /proc/sys optional");
    expect(mounts).toContain("read-only /sys optional");
    expect(mounts).toContain("inaccessible /proc/kallsyms /inaccessible optional");
    expect(mounts).toContain("read-write-implicit /sys/fs/cgroup optional");
    expect(plan("ProtectKernelTunables=yes", "ProtectControlGroups=yes")).toContain(
      "read-only /sys/fs/cgroup optional",
    );
  });

  test("modules and the kernel's log are out of reach", () => {
    expect(plan("ProtectKernelModules=yes", "ProtectKernelLogs=yes")).toEqual([
      "inaccessible /dev/kmsg /inaccessible optional",
      "inaccessible /lib/modules /inaccessible optional",
      "inaccessible /proc/kmsg /inaccessible optional",
      "inaccessible /usr/lib/modules /inaccessible optional",
    ]);
  });

  test.each([
    ["/a", { options: "mode=0755", flags: 4 | (1 << 24), readOnly: false }],
    ["/a:ro,nosuid,size=1M", { options: "mode=0755,size=1M", flags: 2 | 4 | (1 << 24), readOnly: true }],
    ["/a:dev,mode=0700", { options: "mode=0755,mode=0700", flags: 1 << 24, readOnly: false }],
  ])("TemporaryFileSystem=%s", (value, expected) => {
    expect(planMounts(execSettings(`TemporaryFileSystem=${value}`), SOURCES)).toMatchObject([expected]);
  });

  test("what is bound may be missing, not bring along what is mounted below, and be read-only", () => {
    expect(plan("BindPaths=-/a:/x /b:/y:norbind", "BindReadOnlyPaths=/c:/z")).toEqual([
      "rbind /x /a optional",
      "bind /y /b",
      "rbind /z /c ro",
    ]);
  });
});

describe("a service's directories", () => {
  test("stay writable, except its configuration", () => {
    expect(plan("ProtectSystem=strict", "StateDirectory=a", "ConfigurationDirectory=b")).toEqual(
      expect.arrayContaining(["read-write /var/lib/a optional"]),
    );
    expect(plan("ProtectSystem=strict", "ConfigurationDirectory=b").join()).not.toContain("/etc/b");
  });

  test("of a dynamic user are all that is seen of the private ones", () => {
    const mounts = plan("DynamicUser=yes", "StateDirectory=a");
    expect(mounts).toContain("tmpfs /var/lib/private ro");
    expect(mounts).toContain("rbind /var/lib/private/a /var/lib/private/a");
  });

  test("are found in a root of its own", () => {
    expect(plan("RootDirectory=/r", "StateDirectory=a", "ConfigurationDirectory=b")).toEqual([
      "rbind /dev /dev",
      "rbind /etc/b /etc/b",
      "proc /proc",
      "tmpfs /run",
      "sysfs /sys",
      "rbind /var/lib/a /var/lib/a",
    ]);
  });
});

describe("in a root of its own", () => {
  test("a path is the machine's, and below the root with +", () => {
    const mounts = plan("RootDirectory=/r", "MountAPIVFS=no", "ReadOnlyPaths=/r/a /elsewhere +/b");
    expect(mounts).toEqual(["read-only /a", "read-only /b"]);
  });

  test("PrivateDevices= and ProtectProc= replace what there would be anyway", () => {
    const mounts = plan("RootDirectory=/r", "PrivateDevices=yes", "ProtectProc=invisible");
    expect(mounts).toEqual(["dev /dev", "proc /proc", "tmpfs /run", "sysfs /sys"]);
  });
});
