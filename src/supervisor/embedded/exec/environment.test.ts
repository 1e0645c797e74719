import { describe, expect, test } from "vitest";
import { LATE_VALUES } from "../shim/run-request.ts";
import { buildEnvironment, type EnvironmentSources } from "./environment.ts";
import { execSettings } from "./testing.ts";

const NOTHING: EnvironmentSources = {
  invocation: "",
  user: undefined,
  variables: {},
  daemon: {},
  files: [],
  writesJournal: false,
};
const WEB = { name: "web", uid: 7, gid: 8, home: "/srv/web", shell: "/bin/sh" };

function environment(
  lines: readonly string[],
  sources: Partial<EnvironmentSources> = {},
): Record<string, string> {
  return buildEnvironment(execSettings(...lines), { ...NOTHING, ...sources });
}

test("a plain command has a path, a language and its own number", () => {
  expect(environment([])).toEqual({
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    SYSTEMD_EXEC_PID: LATE_VALUES.process,
  });
});

test("the daemon's language is the commands', and nothing else of its environment", () => {
  const { LANG, SECRET } = environment([], { daemon: { LANG: "de_DE.UTF-8", SECRET: "x" } });
  expect([LANG, SECRET]).toEqual(["de_DE.UTF-8", undefined]);
});

test("later sources win: systemd's own, what is passed, what is set, what files say", () => {
  const lines = ["PassEnvironment=LANG B C D", "Environment=C=set D=set"];
  const daemon = { LANG: "passed", B: "passed", C: "passed", D: "passed" };
  const found = environment(lines, { daemon, files: [["D", "file"]], variables: { B: "own" } });
  expect(found).toMatchObject({ LANG: "passed", B: "passed", C: "set", D: "file" });
});

test.each([
  ["A", {}],
  ["A=1", {}],
  ["A=2", { A: "1" }],
])("UnsetEnvironment=%s", (unset, expected) => {
  const { A } = environment(["Environment=A=1", `UnsetEnvironment=${unset}`]);
  expect(A === undefined ? {} : { A }).toEqual(expected);
});

test("even what systemd sets is taken away", () => {
  expect(environment(["UnsetEnvironment=PATH LANG SYSTEMD_EXEC_PID"])).toEqual({});
});

describe("the user's variables", () => {
  test("are its name, home and shell", () => {
    expect(environment([], { user: WEB })).toMatchObject({
      USER: "web",
      LOGNAME: "web",
      HOME: "/srv/web",
      SHELL: "/bin/sh",
    });
  });

  test.each([
    [{ home: "/" }, "HOME"],
    [{ home: "" }, "HOME"],
    [{ shell: "/usr/sbin/nologin" }, "SHELL"],
    [{ shell: "/bin/false" }, "SHELL"],
    [{ shell: "" }, "SHELL"],
  ])("%j is not told", (change, missing) => {
    expect(environment([], { user: { ...WEB, ...change } })).not.toHaveProperty(missing);
  });
});

test("directories, credentials, journal and invocation are told where there are any", () => {
  const lines = ["RuntimeDirectory=a b", "StateDirectory=c"];
  const sources = { credentials: "/run/credentials/x", writesJournal: true, invocation: "abc" };
  expect(environment(lines, sources)).toMatchObject({
    RUNTIME_DIRECTORY: "/run/a:/run/b",
    STATE_DIRECTORY: "/var/lib/c",
    CREDENTIALS_DIRECTORY: "/run/credentials/x",
    JOURNAL_STREAM: LATE_VALUES.journalStream,
    INVOCATION_ID: "abc",
  });
});

test("ExecSearchPath= is the path", () => {
  expect(environment(["ExecSearchPath=/a:/b"]).PATH).toBe("/a:/b");
  expect(environment(["ExecSearchPath=/a:/b", "Environment=PATH=/c"]).PATH).toBe("/c");
});
