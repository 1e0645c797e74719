/**
 * Histories taken under load while the store is killed and connections are cut: every key is linearizable, revisions
 * grow with time, and watches tell of everything once and in order. `npm run prove` does it for longer.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sleep } from "#base/clock.ts";
import { type Random, randomInteger, seededRandom } from "#base/random.ts";
import { connectStore, type RemoteStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { Revision } from "#store/store.ts";
import { Relay } from "../client/relay.ts";
import { system } from "../client/remote-stores.ts";
import { check } from "./checker.ts";
import { PREFIX, runClients } from "./clients.ts";
import { disagreements, orderFaults, reliabilityFaults, revisionFaults } from "./guarantees.ts";
import { byKey, type Call } from "./history.ts";
import { type KillableStore, killableStores } from "./killable-stores.ts";
import { type Watched, watchByHand, watchByMirror } from "./watcher.ts";

const RUN_MS = Number(process.env.FLOTILLA_TEST_LINEARIZABILITY_MS ?? 3_000);
const SEED = Number(process.env.FLOTILLA_TEST_SEED ?? 1);
const CLIENTS = 16;
/** Few enough that clients meet on them, and that a key's history stays short enough to be checked. */
const KEYS = 12 + Math.floor(RUN_MS / 1_000);

/** A history of fewer answers says nothing; on a busy computer it takes longer until there are as many. */
const ANSWERS_MIN = 100;

/** Cuts connections and kills the store, now and then, until it is over. */
async function makeTrouble(
  store: KillableStore,
  relays: readonly Relay[],
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  let kills = 0;
  while (!isOver()) {
    await sleep(system.clock, randomInteger(random, 50, 200));
    const relay = relays[randomInteger(random, 0, relays.length - 1)];
    if (relay !== undefined) relay.cutStyle = random.next() < 0.5 ? "reset" : "finish";
    if (random.next() < 0.08 || kills === 0) {
      kills += 1;
      await store.kill();
      await sleep(system.clock, randomInteger(random, 0, 100));
      await store.restart();
    } else if (random.next() < 0.3) {
      // The clients' connections and the watches' alike, in the middle of a frame.
      for (const each of relays)
        Object.assign(each, { cutAfter: randomInteger(random, 50, 20_000), cutsLeft: 1 });
    } else relay?.cut();
  }
  for (const relay of relays) relay.cutsLeft = 0;
}

describe.each(killableStores)("under load and trouble, $name", (kind) => {
  let store: KillableStore;
  let relays: Relay[] = [];
  let remotes: RemoteStore[] = [];
  beforeEach(async () => {
    store = await kind.start();
    relays = await Promise.all(Array.from({ length: 3 }, () => Relay.open(store.port)));
    const endpoints = relays.map(({ endpoint }) => endpoint);
    // The first client's watches share one; the others' have one each.
    remotes = Array.from({ length: CLIENTS }, (_, at) =>
      connectStore({
        ...system,
        endpoints,
        callTimeoutMs: 2_000,
        sharedPrefix: at === 0 ? PREFIX : undefined,
      }),
    );
  });
  afterEach(async () => {
    await Promise.all(remotes.map((remote) => remote.close()));
    await Promise.all(relays.map((relay) => relay.close()));
    await store.stop();
  });

  /** A write that comes after all others, once the store answers again. */
  async function lastRevision(remote: RemoteStore): Promise<Revision> {
    for (;;) {
      try {
        return (await remote.put({ key: toBytes(`${PREFIX}end`), value: toBytes("end") })).header.revision;
      } catch {
        await sleep(system.clock, 50);
      }
    }
  }

  test(
    "keeps every key linearizable and tells watches everything",
    async () => {
      const [first] = remotes;
      if (first === undefined) throw new Error("there is no client");
      const begin = (await first.put({ key: toBytes("begin"), value: toBytes("") })).header.revision;
      const watches: Watched[] = [
        await watchByMirror(first),
        ...remotes.slice(0, 3).map((remote) => watchByHand(remote, begin)),
      ];
      const stop = new AbortController();
      let answers = 0;
      const onAnswer = (): void => {
        answers += 1;
      };
      const running = runClients({ stores: remotes, keys: KEYS, seed: SEED, signal: stop.signal, onAnswer });
      const endMs = performance.now() + RUN_MS;
      const isOver = (): boolean => performance.now() >= endMs && answers > ANSWERS_MIN;
      await makeTrouble(store, relays, seededRandom(SEED), isOver);
      stop.abort();
      const calls = await running;
      const end = await lastRevision(first);
      await Promise.all(watches.map((watch) => watch.reached(end)));
      await Promise.all(watches.map((watch) => watch.stop()));
      expect(calls.filter(({ answer }) => answer !== undefined).length).toBeGreaterThan(ANSWERS_MIN);
      expectLinearizable(calls);
      expect(revisionFaults(calls)).toEqual([]);
      expectWatches(watches, calls, end);
      expect(await contentOf(first)).toEqual(contentAfter(watches));
    },
    // Of a key whose writes often went unanswered all orders have to be looked through.
    RUN_MS * 20 + 60_000,
  );
});

function expectLinearizable(calls: readonly Call[]): void {
  for (const [key, history] of byKey(calls)) {
    const verdict = check(history);
    expect([key, verdict.linearizable ? [] : verdict.stuckAt]).toEqual([key, []]);
  }
}

function expectWatches(watches: readonly Watched[], calls: readonly Call[], end: Revision): void {
  const written: Call = {
    ...{ key: `${PREFIX}end`, operation: { kind: "put", value: "end" } },
    ...{ startMs: 0, endMs: Number.POSITIVE_INFINITY, answer: { kind: "put", revision: end } },
  };
  for (const watch of watches) {
    expect(orderFaults(watch.batches)).toEqual([]);
    expect(reliabilityFaults(watch.batches, [...calls, written, { ...written, answer: undefined }])).toEqual(
      [],
    );
    expect(disagreements(watches[0]?.batches ?? [], watch.batches)).toEqual([]);
    expect(watch.streams).toBeGreaterThan(1);
  }
}

async function contentOf(store: RemoteStore): Promise<Map<string, string>> {
  const { kvs } = await store.range(prefixRange(PREFIX));
  return new Map(kvs.map((kv) => [toText(kv.key), toText(kv.value)]));
}

/** What the events of a watch come to. */
function contentAfter([watch]: readonly Watched[]): Map<string, string> {
  const content = new Map<string, string>();
  for (const { key, value } of watch?.batches.flat() ?? []) {
    if (value === undefined) content.delete(key);
    else content.set(key, value);
  }
  return new Map([...content].sort(([a], [b]) => (a < b ? -1 : 1)));
}
