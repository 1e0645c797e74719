import { expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys, PREFIX } from "#model/keys.ts";
import { toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type ClusterChange, startClusterMirror } from "./cluster-mirror.ts";

function follow() {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const store = createMemoryStore({ clock, random });
  const mirror = startClusterMirror({ store, clock, random });
  const put = async (key: string, value: string): Promise<bigint> =>
    (await store.put({ key: toBytes(key), value: toBytes(value) })).header.revision;
  return { store, mirror, put };
}

const CLUSTER = JSON.stringify({ id: "0".repeat(32), name: "test", createdMs: 0 });

test("the cluster's state follows the store, and listeners hear which kinds of keys changed", async () => {
  const { mirror, put } = follow();
  await mirror.ready();
  const heard: ClusterChange[] = [];
  const stopListening = mirror.onChange((change) => heard.push(change));
  await mirror.reached(await put(keys.cluster(), CLUSTER));
  await mirror.reached(await put(keys.file("abc"), "[Unit]\n"));
  expect([mirror.view.cluster?.name, mirror.view.files.get("abc")]).toEqual(["test", "[Unit]\n"]);
  expect(heard.map(({ kinds }) => [...kinds])).toEqual([["cluster"], ["file"]]);
  stopListening();
  await mirror.reached(await put(keys.file("def"), ""));
  expect(heard.length).toBe(2);
  await mirror.stop();
});

test("events and the users' own keys are passed over", async () => {
  const { mirror, put } = follow();
  await mirror.ready();
  const heard: ClusterChange[] = [];
  mirror.onChange((change) => heard.push(change));
  await put(keys.event(1, "x"), "{}");
  const revision = await put(`${PREFIX}kv/mine`, "anything");
  await mirror.reached(revision);
  expect([heard, mirror.view.faults.size, mirror.modRevision(`${PREFIX}kv/mine`)]).toEqual([
    [],
    0,
    undefined,
  ]);
  await mirror.stop();
});

test("a value that cannot be read is a fault and hides nothing else", async () => {
  const { mirror, put } = follow();
  await mirror.ready();
  await put(keys.cluster(), "not json");
  const revision = await put(keys.file("abc"), "text");
  await mirror.reached(revision);
  expect([mirror.view.cluster, [...mirror.view.faults.keys()]]).toEqual([undefined, [keys.cluster()]]);
  expect([mirror.view.files.get("abc"), mirror.modRevision(keys.file("abc"))]).toEqual(["text", revision]);
  await mirror.stop();
});
