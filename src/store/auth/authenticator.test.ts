import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { toBytes, toText } from "../keys.ts";
import { createMemoryStore } from "../memory.ts";
import { Authenticator } from "./authenticator.ts";
import { Guard } from "./guard.ts";
import { GuardedStore } from "./guarded-store.ts";
import { HashTurns } from "./hash-turns.ts";
import * as manage from "./management.ts";
import { hashPassword, isPassword } from "./passwords.ts";
import { Tokens } from "./tokens.ts";

const NOBODY = { token: undefined, certificateName: undefined };
const withToken = (token: string) => ({ token, certificateName: undefined });
const named = (certificateName: string) => ({ token: undefined, certificateName });

async function opened() {
  const store = createMemoryStore({ clock: systemClock, random: systemRandom });
  const options = { records: store.records, clock: systemClock, random: systemRandom };
  const authenticator = new Authenticator(options);
  for (const name of ["root", "alice"]) {
    const password = await authenticator.hashPassword(`${name}'s`);
    await authenticator.change((now) => manage.addUser(now, { name, password, noPassword: false }));
  }
  await authenticator.change((now) => manage.grantRole(now, "root", "root"));
  await authenticator.change((now) => manage.addRole(now, "r"));
  const permission = { kind: "readwrite" as const, key: toBytes("a"), rangeEnd: toBytes("b") };
  await authenticator.change((now) => manage.grantPermission(now, "r", permission));
  await authenticator.change((now) => manage.grantRole(now, "alice", "r"));
  await authenticator.change(manage.enable);
  const guard = new Guard(authenticator);
  return { store, options, authenticator, guard };
}

describe("a password", () => {
  test("is recognized, and no other", async () => {
    const stored = await hashPassword("secret", systemRandom);
    expect(await isPassword("secret", stored)).toBe(true);
    expect(await isPassword("Secret", stored)).toBe(false);
    expect(await isPassword("", stored)).toBe(false);
  });

  test("is stored with its cost and a salt, and not as it is", async () => {
    const [one, two] = await Promise.all([
      hashPassword("secret", systemRandom),
      hashPassword("secret", systemRandom),
    ]);
    expect(toText(one)).toMatch(/^scrypt\$16384\$[\w+/=]{24}\$[\w+/=]{44}$/);
    expect(one).not.toEqual(two);
    expect(toText(one)).not.toContain("secret");
  });

  test("that etcd has hashed is never right", async () => {
    expect(await isPassword("x", toBytes("$2a$10$abcdefghijklmnopqrstuv"))).toBe(false);
    expect(await isPassword("", toBytes(""))).toBe(false);
  });
});

describe("hashing", () => {
  test("is done one at a time, in order, and refused when too many wait", async () => {
    const turns = new HashTurns();
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const results = Array.from({ length: 65 }, (_, at) =>
      turns.take(async () => {
        begun.push(at);
        await new Promise<void>((resolve) => ends.push(resolve));
        return at;
      }),
    );
    await expect(turns.take(async () => -1)).rejects.toThrow("etcdserver: too many requests");
    for (const at of results.keys()) {
      await expect.poll(() => begun).toHaveLength(at + 1);
      ends[at]?.();
      expect(await results[at]).toBe(at);
    }
    expect(await turns.take(async () => 65)).toBe(65);
  });

  test("that fails holds nobody up", async () => {
    const turns = new HashTurns();
    const failed = turns.take(() => Promise.reject(new Error("no")));
    const next = turns.take(async () => 1);
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe(1);
  });
});

describe("a token", () => {
  const at = (nowMs: { value: number }) =>
    new Tokens({ ...systemClock, monotonic: () => nowMs.value }, seededRandom(1));

  test("is good for five minutes after its last use", () => {
    const now = { value: 0 };
    const tokens = at(now);
    const token = tokens.issue("a");
    now.value = 299_000;
    expect(tokens.userOf(token)).toBe("a");
    now.value = 598_000;
    expect(tokens.userOf(token)).toBe("a");
    now.value = 899_000;
    expect(tokens.userOf(token)).toBeUndefined();
  });

  test("is another one each time, and worth nothing once its user is revoked", () => {
    const tokens = at({ value: 0 });
    const [one, two, other] = [tokens.issue("a"), tokens.issue("a"), tokens.issue("b")];
    expect(one).not.toBe(two);
    tokens.revokeUser("a");
    expect([one, two, other].map((token) => tokens.userOf(token))).toEqual([undefined, undefined, "b"]);
    tokens.revokeAll();
    expect(tokens.userOf(other)).toBeUndefined();
  });
});

describe("authentication", () => {
  test("gives a token for the right password only", async () => {
    const { authenticator } = await opened();
    const token = await authenticator.authenticate("alice", "alice's");
    expect(authenticator.nameOf(withToken(token))).toBe("alice");
    const wrong = "etcdserver: authentication failed, invalid user ID or password";
    await expect(authenticator.authenticate("alice", "root's")).rejects.toThrow(wrong);
    await expect(authenticator.authenticate("nobody", "alice's")).rejects.toThrow(wrong);
  });

  test("is refused while it is off, and tokens end when it is turned off", async () => {
    const { authenticator } = await opened();
    const token = await authenticator.authenticate("alice", "alice's");
    await authenticator.change(manage.disable);
    expect(() => authenticator.nameOf(withToken(token))).toThrow("etcdserver: invalid auth token");
    await expect(authenticator.authenticate("alice", "alice's")).rejects.toThrow(
      "etcdserver: authentication is not enabled",
    );
  });

  test("makes the tokens worthless of a user who is gone or has another password, and nobody else's", async () => {
    const { authenticator } = await opened();
    const root = await authenticator.authenticate("root", "root's");
    const first = await authenticator.authenticate("alice", "alice's");
    const password = await authenticator.hashPassword("new");
    await authenticator.change((now) => manage.changePassword(now, "alice", password));
    expect(() => authenticator.nameOf(withToken(first))).toThrow("etcdserver: invalid auth token");
    const second = await authenticator.authenticate("alice", "new");
    await authenticator.change((now) => manage.removeUser(now, "alice"));
    expect(() => authenticator.nameOf(withToken(second))).toThrow("etcdserver: invalid auth token");
    expect(authenticator.nameOf(withToken(root))).toBe("root");
  });

  test("is found again by whoever opens the store next; tokens are not", async () => {
    const { authenticator, options } = await opened();
    const token = await authenticator.authenticate("alice", "alice's");
    const next = new Authenticator(options);
    expect(next.state).toEqual(authenticator.state);
    expect(() => next.userOf(withToken(token))).toThrow("etcdserver: invalid auth token");
    await expect(next.authenticate("alice", "alice's")).resolves.toEqual(expect.any(String));
  });
});

describe("the guard", () => {
  test("takes a token before a certificate, and nobody for nobody", async () => {
    const { authenticator } = await opened();
    const token = await authenticator.authenticate("root", "root's");
    expect(authenticator.nameOf({ token, certificateName: "alice" })).toBe("root");
    expect(authenticator.nameOf(named("alice"))).toBe("alice");
    expect(() => authenticator.userOf(NOBODY)).toThrow("etcdserver: user name is empty");
    expect(() => authenticator.userOf(named("nobody"))).toThrow("etcdserver: permission denied");
  });

  test("lets only root do what is root's, everybody look at himself, and holders at their roles", async () => {
    const { guard } = await opened();
    expect(() => guard.admin(named("root"))).not.toThrow();
    expect(() => guard.admin(named("alice"))).toThrow("etcdserver: permission denied");
    expect(() => guard.user(named("alice"), "alice")).not.toThrow();
    expect(() => guard.user(named("alice"), "root")).toThrow("etcdserver: permission denied");
    expect(() => guard.role(named("alice"), "r")).not.toThrow();
    expect(() => guard.role(named("alice"), "root")).toThrow("etcdserver: permission denied");
    expect(() => guard.role(NOBODY, "r")).toThrow("etcdserver: user name is empty");
  });

  test("lets everything pass while authentication is off", async () => {
    const { guard, authenticator } = await opened();
    await authenticator.change(manage.disable);
    expect(() => guard.admin(NOBODY)).not.toThrow();
    expect(() => guard.range(NOBODY, { key: toBytes("z") })).not.toThrow();
  });
});

describe("the guarded store", () => {
  const key = toBytes("a1");
  const foreign = toBytes("z");
  const value = toBytes("1");

  async function asAlice() {
    const { store, guard } = await opened();
    return { store, alice: new GuardedStore(store, guard, named("alice")) };
  }

  test("does what the caller may, on each way to the same keys", async () => {
    const { alice } = await asAlice();
    await alice.put({ key, value, prevKv: true });
    expect((await alice.range({ key })).count).toBe(1);
    const txn = { compare: [], success: [{ kind: "put" as const, request: { key, value } }], failure: [] };
    expect((await alice.txn(txn)).succeeded).toBe(true);
    expect((await alice.deleteRange({ key, prevKv: true })).deleted).toBe(1);
  });

  test("refuses what he may not, in either branch and in nested transactions", async () => {
    const { alice, store } = await asAlice();
    const denied = "etcdserver: permission denied";
    await expect(alice.put({ key: foreign, value })).rejects.toThrow(denied);
    await expect(alice.range({ key, rangeEnd: foreign })).rejects.toThrow(denied);
    await expect(alice.deleteRange({ key: foreign })).rejects.toThrow(denied);
    const put = { kind: "put" as const, request: { key: foreign, value } };
    const inner = { compare: [], success: [], failure: [put] };
    const nested = { kind: "txn" as const, request: inner };
    for (const branch of [put, nested]) {
      await expect(alice.txn({ compare: [], success: [branch], failure: [] })).rejects.toThrow(denied);
      await expect(alice.txn({ compare: [], success: [], failure: [branch] })).rejects.toThrow(denied);
    }
    const compare = [{ key: foreign, target: "version" as const, result: "equal" as const, value: 0n }];
    await expect(alice.txn({ compare, success: [], failure: [] })).rejects.toThrow(denied);
    expect(() => alice.watch({ key: foreign }, { signal: new AbortController().signal })).toThrow(denied);
    expect(store.revision).toBe(1n);
  });

  test("lets no lease be used or revoked that holds keys the caller may not write", async () => {
    const { alice, store } = await asAlice();
    const { id } = await store.leaseGrant({ ttlS: 100 });
    await alice.put({ key, value, lease: id });
    await store.put({ key: foreign, value, lease: id });
    await expect(alice.put({ key, value, lease: id })).rejects.toThrow("etcdserver: permission denied");
    await expect(alice.leaseRevoke(id)).rejects.toThrow("etcdserver: permission denied");
    await store.deleteRange({ key: foreign });
    await alice.leaseRevoke(id);
    expect(await store.leaseList()).toEqual([]);
  });

  test("lets no transaction hang a key on such a lease, however deep the put is", async () => {
    const { alice, store } = await asAlice();
    const { id } = await store.leaseGrant({ ttlS: 100 });
    await store.put({ key: foreign, value, lease: id });
    const put = { kind: "put" as const, request: { key, value, lease: id } };
    const nested = {
      kind: "txn" as const,
      request: { compare: [], success: [], failure: [put] },
    };
    for (const op of [put, nested]) {
      await expect(alice.txn({ compare: [], success: [op], failure: [] })).rejects.toThrow(
        "permission denied",
      );
    }
    await store.deleteRange({ key: foreign });
    expect((await alice.txn({ compare: [], success: [nested], failure: [] })).succeeded).toBe(true);
  });

  test("shows no user what hangs on a lease that he may not read", async () => {
    const { alice, store } = await asAlice();
    const { id } = await store.leaseGrant({ ttlS: 100 });
    await store.put({ key: foreign, value, lease: id });
    expect((await alice.leaseTimeToLive(id, false)).grantedTtlS).toBe(100);
    await expect(alice.leaseTimeToLive(id, true)).rejects.toThrow("etcdserver: permission denied");
  });

  test("is closed to who is nobody: no lease is granted, kept alive, listed, shown or revoked", async () => {
    const { store, guard } = await opened();
    const nobody = new GuardedStore(store, guard, NOBODY);
    const { id } = await store.leaseGrant({ ttlS: 100 });
    const empty = "etcdserver: user name is empty";
    await expect(nobody.leaseGrant({ ttlS: 5 })).rejects.toThrow(empty);
    await expect(nobody.leaseKeepAlive(id)).rejects.toThrow(empty);
    await expect(nobody.leaseList()).rejects.toThrow(empty);
    await expect(nobody.leaseTimeToLive(id, false)).rejects.toThrow(empty);
    await expect(nobody.leaseRevoke(id)).rejects.toThrow(empty);
    expect(await store.leaseList()).toEqual([id]);
  });

  test("lets only root forget the past", async () => {
    const { store, guard } = await opened();
    const alice = new GuardedStore(store, guard, named("alice"));
    await expect(alice.compact(1n)).rejects.toThrow("etcdserver: permission denied");
    await store.put({ key, value });
    const root = new GuardedStore(store, guard, named("root"));
    await root.compact(2n);
    expect(store.status().compactRevision).toBe(2n);
  });

  test("lets nobody watch more than he may read: not from a key of his own to the end", async () => {
    const { store, guard, authenticator } = await opened();
    const only = { kind: "read" as const, key: toBytes("x"), rangeEnd: new Uint8Array(0) };
    await authenticator.change((now) => manage.grantPermission(now, "r", only));
    const alice = new GuardedStore(store, guard, named("alice"));
    const { signal } = new AbortController();
    const rangeEnd = new Uint8Array(1);
    expect(() => alice.watch({ key: toBytes("x") }, { signal })).not.toThrow();
    expect(() => alice.watch({ key: toBytes("x"), rangeEnd }, { signal })).toThrow("permission denied");
    await expect(alice.range({ key: toBytes("x"), rangeEnd })).rejects.toThrow("permission denied");
  });

  test("finds fault with a request before it asks for permission", async () => {
    const { alice } = await asAlice();
    await expect(alice.put({ key: toBytes(""), value })).rejects.toThrow("etcdserver: key is not provided");
    await expect(alice.range({ key: toBytes("") })).rejects.toThrow("etcdserver: key is not provided");
  });
});
