/** A mirror that catches up with thousands of changes, over a network that is cut while it does. */
import { once } from "node:events";
import { type Mirror, type MirrorChange, startMirror } from "#mirror/mirror.ts";
import { connectStore } from "#store/etcd/client.ts";
import { toBytes } from "#store/keys.ts";
import type { Revision, Store } from "#store/store.ts";
import type { Relay } from "./relay.ts";
import { system } from "./remote-stores.ts";

export interface Past {
  /** The store was empty under the prefix. */
  readonly begin: Revision;
  readonly end: Revision;
  /** `key@revision`, as a mirror should report it. */
  readonly changes: readonly string[];
}

export const PREFIX = "past/";
const HTTP2_FRAME_HEADER_BYTES = 9;

/** Writes a past of so many changes: puts, deletions, and transactions that change several keys at once. */
export async function writePast(store: Store, count: number): Promise<Past> {
  const begin = (await store.put({ key: toBytes("before"), value: toBytes("") })).header.revision;
  const changes: string[] = [];
  const present = new Set<string>();
  let end = begin;
  for (let at = 0; changes.length < count; at += 1) {
    const names = at % 2 === 1 ? [0, 1, 2].map((step) => keyOf(at + step)) : [keyOf(at)];
    const deletes = at % 5 === 3 && names.every((name) => present.has(name));
    const { header } = await store.txn({
      compare: [],
      success: names.map((name) =>
        deletes
          ? { kind: "delete-range", request: { key: toBytes(name) } }
          : { kind: "put", request: { key: toBytes(name), value: toBytes("v".repeat(at % 60)) } },
      ),
      failure: [],
    });
    end = header.revision;
    for (const name of names) {
      if (deletes) present.delete(name);
      else present.add(name);
      changes.push(`${name}@${end}${deletes ? " gone" : ""}`);
    }
  }
  return { begin, end, changes };
}

function keyOf(at: number): string {
  return `${PREFIX}${(at * 7) % 50}`;
}

/** Where in the bytes of a catch-up frames begin, as the relay has seen them. */
export class FrameStarts {
  readonly starts: number[] = [];
  bytes = 0;
  #nextStart = 0;
  #head = Buffer.alloc(0);

  add(piece: Buffer): void {
    // The head of a frame may be split over pieces; what is kept is never more than that.
    let head = Buffer.concat([this.#head, piece]);
    let at = this.bytes - this.#head.length;
    while (this.#nextStart + HTTP2_FRAME_HEADER_BYTES <= at + head.length) {
      const from = this.#nextStart - at;
      this.starts.push(this.#nextStart);
      this.#nextStart += HTTP2_FRAME_HEADER_BYTES + head.readUIntBE(from, 3);
    }
    this.bytes += piece.length;
    const keep = Math.max(0, this.bytes - this.#nextStart);
    head = head.subarray(head.length - keep);
    at = this.bytes - head.length;
    this.#head = head;
  }

  /** Each frame's boundary, the middle of its head, the end of its head, its middle and its last byte. */
  cutPoints(): number[] {
    const ends = [...this.starts.slice(1), this.bytes];
    const points = this.starts.flatMap((start, index) => {
      const end = ends[index] ?? start;
      return [start, start + 1, start + 4, start + 9, Math.floor((start + end) / 2), end - 1];
    });
    return [...new Set(points)].filter((point) => point > 0 && point < this.bytes).sort((a, b) => a - b);
  }
}

/** A mirror that takes the store for what it was at `past.begin`, and so must catch up with everything since. */
export async function catchUp(relay: Relay, past: Past): Promise<string[]> {
  const remote = connectStore({ ...system, endpoints: [relay.endpoint] });
  const store: Store = Object.create(remote, {
    watch: { value: remote.watch.bind(remote) },
    range: {
      value: async (request: Parameters<Store["range"]>[0], options: Parameters<Store["range"]>[1]) => {
        const answer = await remote.range({ ...request, revision: past.begin }, options);
        return { ...answer, header: { ...answer.header, revision: past.begin } };
      },
    },
  });
  const changes: MirrorChange[] = [];
  const done = new EventTarget();
  const mirror: Mirror = startMirror({
    ...system,
    store,
    prefix: PREFIX,
    onConnected: () => undefined,
    onBatch: (batch) => {
      changes.push(...batch.changes);
      if (batch.revision >= past.end) done.dispatchEvent(new Event("done"));
    },
  });
  await once(done, "done");
  await mirror.stop();
  await remote.close();
  return changes.map(
    ({ key, modRevision, value }) => `${key}@${modRevision}${value === undefined ? " gone" : ""}`,
  );
}
