/** What a client makes of a network that is slow, silent, half open or gone, with one member and with two. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { type ConnectStoreOptions, connectStore, type RemoteStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { Store, WatchResponse } from "#store/store.ts";
import { Relay } from "./relay.ts";
import { remoteStores, type StartedStore, system } from "./remote-stores.ts";

/** On it ten seconds pass in one, so that what is noticed after ten seconds is noticed soon. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 10,
  boottime: () => systemClock.boottime() * 10,
  setTimer: (delayMs, fire) => systemClock.setTimer(delayMs / 10, fire),
};
const TIMEOUT_MS = 600;

function put(store: Store, key: string, value = "x") {
  return store.put({ key: toBytes(key), value: toBytes(value) });
}

async function versionOf(store: Store, key: string): Promise<bigint> {
  return (await store.range({ key: toBytes(key) })).kvs[0]?.version ?? 0n;
}

/** Collects the events of a watch until it ends or is stopped. */
function collect(store: Store, prefix: string) {
  const stop = new AbortController();
  const watch = store.watch(prefixRange(prefix), stop)[Symbol.asyncIterator]();
  const next = async (): Promise<WatchResponse> => {
    const step = await watch.next();
    if (step.done === true) throw new Error("the watch has ended");
    return step.value;
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await watch.next();
  };
  return { next, end };
}

describe.each(remoteStores)("with $name", (kind) => {
  let started: StartedStore;
  let relays: Relay[];
  let clients: RemoteStore[] = [];
  beforeEach(async () => {
    started = await kind.start();
    relays = [await Relay.open(started.port), await Relay.open(started.port)];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
    await Promise.all(relays.map((relay) => relay.close()));
    await started.stop();
  });

  /** A client of the first relay, and of the second as well where `members` is two; it begins with the first. */
  function connect(members: 1 | 2, options: Partial<ConnectStoreOptions> = {}): RemoteStore {
    const endpoints = relays.slice(0, members).map(({ endpoint }) => endpoint);
    const random = { ...system.random, next: () => 0 };
    const client = connectStore({ ...system, random, endpoints, callTimeoutMs: TIMEOUT_MS, ...options });
    clients.push(client);
    return client;
  }

  function firstRelay(): Relay {
    const [relay] = relays;
    if (relay === undefined) throw new Error("there is no relay");
    return relay;
  }

  test("a member that refuses connections is passed over, also by a write", async () => {
    const client = connect(2);
    firstRelay().refusing = true;
    await put(client, "a");
    expect(await versionOf(started.direct, "a")).toBe(1n);
  });

  test("a member that goes silent is left by a read in time, and by a write with the next call", async () => {
    const client = connect(2);
    await put(client, "a");
    firstRelay().silent = "both";
    expect(await versionOf(client, "a")).toBe(1n);
    firstRelay().silent = "no";
    const other = connect(2);
    await versionOf(other, "a");
    firstRelay().silent = "both";
    await expect(put(other, "b")).rejects.toMatchObject({ status: "deadline-exceeded" });
    await put(other, "c");
    expect(await versionOf(started.direct, "c")).toBe(1n);
  });

  test("a write whose answer is lost is told as unknown, and never made twice", async () => {
    const client = connect(2);
    await put(client, "a");
    firstRelay().silent = "back";
    await expect(put(client, "a")).rejects.toMatchObject({ status: "deadline-exceeded" });
    expect(await versionOf(started.direct, "a")).toBe(2n);
    firstRelay().silent = "no";
    const other = connect(2);
    await put(other, "b");
    firstRelay().delayMs = 100;
    const lost = put(other, "b");
    await new Promise((resolve) => setTimeout(resolve, 150));
    firstRelay().cut();
    await expect(lost).rejects.toMatchObject({ status: "unavailable" });
    expect(await versionOf(started.direct, "b")).toBe(2n);
  });

  test("a slow network delays calls and watches, and changes nothing else", async () => {
    const client = connect(1, { callTimeoutMs: 5_000 });
    firstRelay().delayMs = 40;
    const watch = collect(client, "s/");
    expect((await watch.next()).kind).toBe("created");
    await Promise.all(Array.from({ length: 20 }, (_, at) => put(client, `s/${at}`)));
    const seen: bigint[] = [];
    while (seen.length < 20) {
      const response = await watch.next();
      if (response.kind === "events") seen.push(...response.events.map(({ kv }) => kv.modRevision));
    }
    expect(seen).toEqual(seen.toSorted((a, b) => (a < b ? -1 : 1)));
    await watch.end();
  });

  test("a watch whose connection goes silent ends, and the next one is opened with another member", async () => {
    const client = connect(2, { clock: fastClock, callTimeoutMs: 20_000 });
    const watch = collect(client, "w/");
    await watch.next();
    firstRelay().silent = "both";
    await expect(watch.next()).rejects.toMatchObject({ status: "unavailable" });
    const again = collect(client, "w/");
    expect((await again.next()).kind).toBe("created");
    await put(started.direct, "w/1");
    expect((await again.next()).kind).toBe("events");
    await again.end();
  });

  test("an idle watch outlives many probes and pings", async () => {
    const client = connect(1, { clock: fastClock });
    const watch = collect(client, "i/");
    await watch.next();
    const next = watch.next();
    // Two intervals of the probe.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await put(started.direct, "i/1");
    expect(await next).toMatchObject({ kind: "events" });
    expect(firstRelay().connections).toBe(1);
    await watch.end();
  });

  test("a lease is kept through a member that goes silent", async () => {
    const client = connect(2);
    const { id } = await client.leaseGrant({ ttlS: 5 });
    expect(await client.leaseKeepAlive(id)).toBe(5);
    firstRelay().silent = "both";
    await expect(client.leaseKeepAlive(id)).rejects.toMatchObject({ retryable: true });
    expect(await client.leaseKeepAlive(id)).toBe(5);
  });

  test("a client is told other members while it works, and its watches end", async () => {
    const client = connect(1);
    const watch = collect(client, "e/");
    await watch.next();
    const [, second] = relays.map(({ endpoint }) => endpoint);
    client.setEndpoints([second ?? ""]);
    await expect(watch.next()).rejects.toMatchObject({ status: "unavailable" });
    await put(client, "e/1");
    expect(relays.map(({ connections }) => connections)).toEqual([1, 1]);
    // The one it uses is kept when others come.
    client.setEndpoints(relays.map(({ endpoint }) => endpoint));
    await put(client, "e/2");
    expect(relays.map(({ connections }) => connections)).toEqual([1, 1]);
  });

  test("calls end with their caller's reason, or when their own time is over", async () => {
    const client = connect(1);
    await put(client, "a");
    firstRelay().silent = "both";
    const caller = new AbortController();
    const aborted = client.range({ key: toBytes("a") }, { signal: caller.signal });
    const late = client.put({ key: toBytes("a"), value: toBytes("") }, { timeoutMs: 100 });
    caller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await expect(late).rejects.toMatchObject({ status: "deadline-exceeded" });
    await expect(client.range({ key: toBytes("a") }, { signal: caller.signal })).rejects.toThrow("enough");
  });

  test("a store that cannot be reached is told at once, with the reason, until it may be tried again", async () => {
    const client = connect(1);
    firstRelay().refusing = true;
    const refused = { status: "unavailable", message: expect.stringContaining(firstRelay().endpoint) };
    await expect(put(client, "a")).rejects.toMatchObject(refused);
    await expect(put(client, "a")).rejects.toMatchObject(refused);
    firstRelay().refusing = false;
    let written = false;
    while (!written)
      written = await put(client, "a").then(
        () => true,
        () => false,
      );
    expect(toText((await client.range({ key: toBytes("a") })).kvs[0]?.value ?? toBytes(""))).toBe("x");
  });
});
