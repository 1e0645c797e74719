import { describe, expect, test } from "vitest";
import { toBytes, toText } from "../keys.ts";
import { CompactedError } from "../store.ts";
import { watchResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { Fragments } from "./watch.ts";

type Written = Parameters<typeof watchResponse.write>[1];

const header = { revision: 9n, clusterId: 7n };

/** An answer as it comes over the wire, with all that is absent filled in. */
function answer(written: Written) {
  return decode(watchResponse, encode(watchResponse, { header, ...written }));
}

function events(...keys: string[]): NonNullable<Written["events"]> {
  return keys.map((key) => ({ type: "put", kv: { key: toBytes(key), modRevision: 5n } }));
}

function keysOf(response: ReturnType<Fragments["add"]>): string[] | undefined {
  return response?.kind === "events" ? response.events.map(({ kv }) => toText(kv.key)) : undefined;
}

describe("a watch's answers", () => {
  test("say at the beginning at which revision of which cluster the watch was opened", () => {
    expect(new Fragments().add(answer({ created: true }))).toEqual({ kind: "created", header });
  });

  test("are one batch when they come in fragments", () => {
    const fragments = new Fragments();
    expect(fragments.add(answer({ fragment: true, events: events("a", "b") }))).toBeUndefined();
    expect(fragments.add(answer({ fragment: true, events: events("c") }))).toBeUndefined();
    expect(keysOf(fragments.add(answer({ events: events("d") })))).toEqual(["a", "b", "c", "d"]);
    expect(keysOf(fragments.add(answer({ events: events("e") })))).toEqual(["e"]);
  });

  test("are progress when they name the watch and hold no events", () => {
    expect(new Fragments().add(answer({ watchId: 0n }))).toEqual({ kind: "progress", header });
  });

  test("promise nothing when they answer a probe, which names no watch", () => {
    expect(new Fragments().add(answer({ watchId: -1n }))).toBeUndefined();
  });

  test("tell of a compaction, of a refusal and of an end for another reason", () => {
    const add = (written: Written) => () => new Fragments().add(answer(written));
    expect(add({ canceled: true, compactRevision: 4n })).toThrow(CompactedError);
    const refused = { canceled: true, created: true, cancelReason: "etcdserver: permission denied" };
    expect(add(refused)).toThrow(expect.objectContaining({ status: "permission-denied" }));
    expect(add({ canceled: true, cancelReason: "overloaded" })).toThrow("overloaded");
    expect(add({ canceled: true })).toThrow("ended the watch");
  });
});
