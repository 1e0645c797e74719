import { describe, expect, test } from "vitest";
import { SETTINGS_TEXT, serviceFile } from "./service.ts";

const OPTIONS = { program: "/usr/bin/flotilla", supervisor: "systemd", origin: "Of a test" } as const;

/** The lines of one section by their keys. */
function keysOf(text: string, section: string): ReadonlyMap<string, string> {
  const body = text.split(`[${section}]\n`)[1]?.split("\n[")[0] ?? "";
  const pairs = body.split("\n").flatMap((line) => {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    return key === undefined ? [] : [[key, value ?? ""] as const];
  });
  return new Map(pairs);
}

describe.each(["systemd", "embedded"] as const)("a daemon whose units are run by %s", (supervisor) => {
  const text = serviceFile({ ...OPTIONS, supervisor });
  const service = keysOf(text, "Service");

  test("ends without its units: only its own process is killed, and its run directory stays", () => {
    expect(service.get("KillMode")).toBe("process");
    expect(service.get("RuntimeDirectoryPreserve")).toBe("yes");
    expect(service.get("Delegate")).toBe("yes");
  });

  test("is restarted for ever", () => {
    expect(service.get("Restart")).toBe("always");
    expect(keysOf(text, "Unit").get("StartLimitIntervalSec")).toBe("0");
  });

  test("does not run before the machine is in a cluster", () => {
    expect(keysOf(text, "Unit").get("ConditionPathExists")).toBe("/var/lib/flotilla/trust");
  });

  test("has its directories where the command line looks, and its settings in one file that may be missing", () => {
    expect(service.get("Environment")).toBe("FLOTILLA_DIR=/var/lib/flotilla FLOTILLA_RUN_DIR=/run/flotilla");
    expect(service.get("EnvironmentFile")).toBe("-/etc/default/flotilla");
  });

  test("sets no key twice, since the second would add to the first or replace it", () => {
    const keys = [...text.matchAll(/^([A-Za-z]+)=/gm)].map(([, key]) => key);
    expect(keys.toSorted()).toEqual([...new Set(keys)].sort());
  });
});

test("the daemon is confined where systemd runs the units", () => {
  const service = keysOf(serviceFile(OPTIONS), "Service");
  expect(service.get("NoNewPrivileges")).toBe("yes");
  expect(service.get("ProtectSystem")).toBe("full");
});

test("V8 may compile at run time", () => {
  expect(serviceFile(OPTIONS)).not.toContain("MemoryDenyWriteExecute");
});

test("nothing that units would inherit confines the embedded supervisor's daemon", () => {
  const text = serviceFile({ ...OPTIONS, supervisor: "embedded" });
  expect(text).not.toMatch(/^(?:Protect|Private|Restrict|NoNew|Capability|SystemCall|Lock|OOM)/m);
});

describe("the program's path is one word of a command", () => {
  const commandOf = (program: string): string | undefined =>
    keysOf(serviceFile({ ...OPTIONS, program }), "Service").get("ExecStart");

  test.each([
    ["/usr/bin/flotilla", "/usr/bin/flotilla daemon"],
    ["/opt/a b/flotilla", '"/opt/a b/flotilla" daemon'],
    ["/opt/100%/flotilla", "/opt/100%%/flotilla daemon"],
    ["/opt/$HOME/flotilla", "/opt/$$HOME/flotilla daemon"],
    ['/opt/a"b\\c/flotilla', '"/opt/a\\"b\\\\c/flotilla" daemon'],
  ])("%s", (program, command) => {
    expect(commandOf(program)).toBe(command);
  });
});

test("the settings file sets nothing by itself", () => {
  expect(SETTINGS_TEXT.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
});
