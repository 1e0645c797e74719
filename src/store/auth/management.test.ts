import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes } from "../keys.ts";
import type { RecordChange, RecordsView } from "../local-store.ts";
import { type AuthState, type Permission, readAuthState } from "./auth-state.ts";
import * as manage from "./management.ts";

const NO_BYTES = new Uint8Array(0);

/** Records in memory, to which decisions are applied. */
class Book implements RecordsView {
  readonly #buckets = new Map<string, Map<string, Uint8Array>>();

  list(bucket: string): ReadonlyMap<string, Uint8Array> {
    return this.#buckets.get(bucket) ?? new Map();
  }

  get state(): AuthState {
    return readAuthState(this);
  }

  /** Applies a decision on the present state. */
  do(decide: (now: AuthState) => readonly RecordChange[]): this {
    for (const { bucket, name, value } of decide(this.state)) {
      const records = this.#buckets.get(bucket) ?? new Map<string, Uint8Array>();
      this.#buckets.set(bucket, records);
      if (value === undefined) records.delete(name);
      else records.set(name, value);
    }
    return this;
  }

  user(name: string): this {
    return this.do((now) => manage.addUser(now, { name, password: toBytes("hash"), noPassword: false }));
  }

  role(name: string): this {
    return this.do((now) => manage.addRole(now, name));
  }

  grant(user: string, role: string): this {
    return this.do((now) => manage.grantRole(now, user, role));
  }
}

const rooted = (): Book => new Book().user("root").grant("root", "root");
const enabled = (): Book => rooted().do(manage.enable);
const permission = (kind: Permission["kind"], key: string, end = ""): Permission => ({
  kind,
  key: toBytes(key),
  rangeEnd: toBytes(end),
});

describe("turning authentication on", () => {
  test("needs a user root", () => {
    expect(() => new Book().do(manage.enable)).toThrow("etcdserver: root user does not exist");
  });

  test("needs root to have root's role", () => {
    expect(() => new Book().user("root").do(manage.enable)).toThrow(
      "etcdserver: root user does not have root role",
    );
  });

  test("is remembered, and off again", () => {
    const book = enabled();
    expect(book.state.enabled).toBe(true);
    expect(book.do(manage.disable).state.enabled).toBe(false);
  });

  test("once more changes nothing", () => {
    expect(manage.enable(enabled().state)).toEqual([]);
    expect(manage.disable(rooted().state)).toEqual([]);
  });
});

describe("users", () => {
  test("are listed by their names' bytes, with roles in order and what was given as a password", () => {
    const book = new Book().user("b").user("a").role("z").role("y").grant("a", "z").grant("a", "y");
    expect([...book.state.users.keys()]).toEqual(["a", "b"]);
    expect(book.state.users.get("a")).toEqual({
      name: "a",
      password: Buffer.from("hash"),
      roles: ["y", "z"],
      noPassword: false,
    });
  });

  test("without a password are remembered as such", () => {
    const user = { name: "a", password: NO_BYTES, noPassword: true };
    const book = new Book().do((now) => manage.addUser(now, user));
    expect(book.state.users.get("a")?.noPassword).toBe(true);
  });

  test("need a name, and one that is not taken", () => {
    expect(() => new Book().user("")).toThrow("etcdserver: user name is empty");
    expect(() => new Book().user("a").user("a")).toThrow("etcdserver: user name already exists");
  });

  test("keep their roles when their password changes", () => {
    const book = rooted().do((now) => manage.changePassword(now, "root", toBytes("other")));
    expect(book.state.users.get("root")).toMatchObject({ roles: ["root"], password: Buffer.from("other") });
  });

  test.for([
    ["delete", (now: AuthState) => manage.removeUser(now, "x")],
    ["change the password of", (now: AuthState) => manage.changePassword(now, "x", NO_BYTES)],
    ["grant a role to", (now: AuthState) => manage.grantRole(now, "x", "root")],
    ["revoke a role of", (now: AuthState) => manage.revokeRole(now, "x", "root")],
  ] as const)("that are not there cannot be what one wants to %s", ([, decide]) => {
    expect(() => rooted().do(decide)).toThrow("etcdserver: user name not found");
  });

  test("can be granted only roles that are there, and root's, which need not be", () => {
    expect(() => rooted().grant("root", "x")).toThrow("etcdserver: role name not found");
    expect(rooted().state.users.get("root")?.roles).toEqual(["root"]);
  });

  test("are granted a role once", () => {
    const book = rooted();
    const before = book.state.revision;
    expect(book.grant("root", "root").state.revision).toBe(before);
  });

  test("lose only a role they have", () => {
    const book = new Book().user("a").role("r");
    expect(() => book.do((now) => manage.revokeRole(now, "a", "r"))).toThrow(
      "etcdserver: role is not granted to the user",
    );
    book.grant("a", "r").do((now) => manage.revokeRole(now, "a", "r"));
    expect(book.state.users.get("a")?.roles).toEqual([]);
  });
});

describe("while authentication is on", () => {
  test.for([
    ["root", (now: AuthState) => manage.removeUser(now, "root")],
    ["root's role of root", (now: AuthState) => manage.revokeRole(now, "root", "root")],
    ["the role root", (now: AuthState) => manage.removeRole(now, "root")],
  ] as const)("nobody can take away %s", ([, decide]) => {
    expect(() => enabled().role("root").do(decide)).toThrow("etcdserver: invalid auth management");
    expect(rooted().role("root").do(decide).state.enabled).toBe(false);
  });
});

describe("roles", () => {
  test("need a name, and one that is not taken", () => {
    expect(() => new Book().role("")).toThrow("etcdserver: role name is empty");
    expect(() => new Book().role("r").role("r")).toThrow("etcdserver: role name already exists");
  });

  test("that are deleted are nobody's any more", () => {
    const book = rooted().user("a").role("r").role("s").grant("a", "r").grant("a", "s");
    book.do((now) => manage.removeRole(now, "r"));
    expect(book.state.users.get("a")?.roles).toEqual(["s"]);
    expect([...book.state.roles.keys()]).toEqual(["s"]);
  });

  test("hold permissions in order of their keys, one a range, the last word counting", () => {
    const book = new Book().role("r");
    const granted = [
      permission("read", "b", "c"),
      permission("write", "a"),
      permission("write", "b", "c"),
      permission("read", "b"),
    ];
    for (const one of granted) book.do((now) => manage.grantPermission(now, "r", one));
    expect(
      book.state.roles
        .get("r")
        ?.permissions.map(({ kind, key, rangeEnd }) => [kind, text(key), text(rangeEnd)]),
    ).toEqual([
      ["write", "a", ""],
      ["write", "b", "c"],
      ["read", "b", ""],
    ]);
  });

  test("lose a permission by its exact range", () => {
    const book = new Book()
      .role("r")
      .do((now) => manage.grantPermission(now, "r", permission("read", "a", "b")));
    const revoke = (end: string) => (now: AuthState) =>
      manage.revokePermission(now, "r", { key: toBytes("a"), rangeEnd: toBytes(end) });
    expect(() => book.do(revoke(""))).toThrow("etcdserver: permission is not granted to the role");
    expect(book.do(revoke("b")).state.roles.get("r")?.permissions).toEqual([]);
  });

  test("that are not there are told before a permission that is none", () => {
    expect(() => new Book().do((now) => manage.grantPermission(now, "r", undefined))).toThrow(
      "etcdserver: role name not found",
    );
    expect(() => new Book().role("r").do((now) => manage.grantPermission(now, "r", undefined))).toThrow(
      "etcdserver: permission not given",
    );
  });
});

test("every change but turning it on raises the revision by one", () => {
  const book = new Book();
  const changes: readonly (() => unknown)[] = [
    () => book.user("root"),
    () => book.grant("root", "root"),
    () => book.role("r"),
    () => book.do((now) => manage.grantPermission(now, "r", permission("read", "a"))),
    () => book.do((now) => manage.removeRole(now, "r")),
    () => book.do((now) => manage.changePassword(now, "root", NO_BYTES)),
  ];
  for (const [count, change] of changes.entries()) {
    change();
    expect(book.state.revision).toBe(BigInt(count + 1));
  }
  expect(book.do(manage.enable).state.revision).toBe(BigInt(changes.length));
  expect(book.do(manage.disable).state.revision).toBe(BigInt(changes.length + 1));
});

test("whatever is done, users have only roles that are there or root's, and root stays while it is on", () => {
  const name = fc.constantFrom("root", "a", "b");
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom("addUser", "removeUser", "addRole", "removeRole"), name, other: name }),
    fc.record({ kind: fc.constantFrom("grant", "revoke", "enable", "disable"), name, other: name }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const book = new Book();
      for (const one of steps) {
        try {
          book.do((now) => decisionOf(now, one));
        } catch (error) {
          expect(String(error)).toContain("etcdserver: ");
        }
        const { users, roles, enabled: isOn } = book.state;
        for (const user of users.values()) {
          for (const role of user.roles) expect(role === "root" || roles.has(role)).toBe(true);
        }
        if (isOn) expect(users.get("root")?.roles).toContain("root");
      }
    }),
  );
});

function decisionOf(
  now: AuthState,
  { kind, name, other }: { kind: string; name: string; other: string },
): readonly RecordChange[] {
  switch (kind) {
    case "addUser":
      return manage.addUser(now, { name, password: NO_BYTES, noPassword: true });
    case "removeUser":
      return manage.removeUser(now, name);
    case "addRole":
      return manage.addRole(now, name);
    case "removeRole":
      return manage.removeRole(now, name);
    case "grant":
      return manage.grantRole(now, name, other);
    case "revoke":
      return manage.revokeRole(now, name, other);
    case "enable":
      return manage.enable(now);
    default:
      return manage.disable(now);
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
