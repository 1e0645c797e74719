import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ExecCommand } from "#unit/service.ts";
import { Accounts } from "./accounts.ts";
import { namedAccounts, resolveIdentity, unitIdentity } from "./identity.ts";
import { execSettings } from "./testing.ts";

const directory = mkdtempSync(join(tmpdir(), "flotilla-identity-"));
afterAll(() => rmSync(directory, { recursive: true }));
const files = { passwd: join(directory, "passwd"), group: join(directory, "group") };
writeFileSync(files.passwd, "root:x:0:0::/root:/bin/sh\nweb:x:1000:100::/srv/web:/bin/sh\n");
writeFileSync(files.group, "root:x:0:\nusers:x:100:\nlogs:x:101:web\nextra:x:102:\n");
const host = { accounts: new Accounts(files), isRoot: true };

function command(privileges: ExecCommand["privileges"]): ExecCommand {
  return {
    path: "/bin/true",
    argv: ["/bin/true"],
    ignoreFailure: false,
    literalEnvironment: false,
    privileges,
  };
}

describe("who a unit is", () => {
  test("nobody in particular, without a user", () => {
    expect(unitIdentity("a.service", execSettings(), host)).toEqual({
      user: undefined,
      gid: undefined,
      groups: [],
    });
  });

  test("its user, with its group and those it is a member of", () => {
    expect(unitIdentity("a.service", execSettings("User=web"), host)).toMatchObject({
      user: { uid: 1000, home: "/srv/web" },
      gid: 100,
      groups: [100, 101],
    });
  });

  test("its group replaces the user's own, and others are added once", () => {
    const settings = execSettings("User=web", "Group=extra", "SupplementaryGroups=users 101");
    expect(unitIdentity("a.service", settings, host)).toMatchObject({ gid: 102, groups: [102, 101, 100] });
  });

  test.each([
    ["User=nobody-here", "user"],
    ["User=4242", "user"],
    ["Group=nothing-here", "group"],
    ["SupplementaryGroups=nothing-here", "group"],
  ])("%s is refused", (line, step) => {
    expect(() => unitIdentity("a.service", execSettings(line), host)).toThrow(
      expect.objectContaining({ step }),
    );
  });

  test("a daemon that is not root becomes nobody else", () => {
    const daemon = { ...host, isRoot: false };
    expect(() => unitIdentity("a.service", execSettings("User=web"), daemon)).toThrow(/does not run as root/);
  });
});

describe("prefixes", () => {
  test.each([
    ["unit", 1000],
    ["ambient", 1000],
    ["full", undefined],
    ["no-setuid", undefined],
  ] as const)("a command with %s rights is user %s", (privileges, uid) => {
    const identity = resolveIdentity("a.service", execSettings("User=web"), command(privileges), host);
    expect(identity.user?.uid).toBe(uid);
  });
});

describe("a dynamic user", () => {
  const dynamic = (unit: string, ...lines: readonly string[]) =>
    unitIdentity(unit, execSettings("DynamicUser=yes", ...lines), host).user;

  test("has a number of systemd's range that its name makes", () => {
    const first = dynamic("a.service");
    expect(first).toMatchObject({ name: "a", home: "/" });
    expect(first?.uid).toBeGreaterThanOrEqual(61_184);
    expect(first?.uid).toBeLessThanOrEqual(65_519);
    expect(dynamic("a.service")).toEqual(first);
    expect(dynamic("b.service")?.uid).not.toBe(first?.uid);
  });

  test("is called as User= says, and is a static one of that name", () => {
    expect(dynamic("a.service", "User=own")?.name).toBe("own");
    expect(dynamic("a.service", "User=web")?.uid).toBe(1000);
  });

  test("gets a name where the unit's is none for a user", () => {
    expect(dynamic("a@b.c.service")?.name).toMatch(/^_du[0-9a-f]{8}$/);
  });
});

test("accounts to be asked for ahead are those that are named", () => {
  expect(namedAccounts(execSettings("User=a", "Group=b", "SupplementaryGroups=c d"))).toEqual({
    users: ["a"],
    groups: ["b", "c", "d"],
  });
  expect(namedAccounts(execSettings("User=a", "DynamicUser=yes")).users).toEqual([]);
});

test("the name service is asked for those that the files do not know, and what it says is remembered", async () => {
  const empty = new Accounts({ passwd: "/dev/null", group: "/dev/null" });
  const named = { users: ["daemon"], groups: ["daemon"] };
  expect(empty.knows(named)).toBe(false);
  await empty.ask({ users: ["daemon", "no-such-user"], groups: ["daemon"] });
  expect(empty.knows(named)).toBe(true);
  expect(empty.user("daemon")?.uid).toBe(1);
  expect(empty.user("no-such-user")).toBeUndefined();
});
