import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes, toText } from "../keys.ts";
import { CompactedError } from "../store.ts";
import type { VersionRecord } from "./record.ts";
import { MvccState } from "./state.ts";
import { atOnce } from "./steps.ts";
import { StoredKeyValue } from "./stored-key-value.ts";

const ALL = { from: "", to: undefined };

/** A version as data that does not change. */
function told(version: VersionRecord): unknown {
  const { key, value, createRevision, modRevision, version: number, lease } = new StoredKeyValue(version);
  const bytes = { key: toText(key), value: toText(value) };
  return { ...bytes, createRevision, modRevision, number, lease, deleted: version.deleted };
}

function readAt(state: MvccState, revision: number): unknown[] {
  return [...state.range(ALL, revision)].flat().map(told);
}

function write(state: MvccState, change: Write): void {
  state.write(() => change(state));
}

/** Everything that can be read from a state. */
function contentOf(state: MvccState): unknown {
  return {
    revision: state.revision,
    compactRevision: state.compactRevision,
    now: readAt(state, state.revision),
    versions: [...state.versionsFrom(0)].map(told),
    leases: atOnce(state.leases.ids())
      .sort()
      .map((id) => [id, [...(state.leases.get(id)?.keys ?? [])].sort()]),
  };
}

type Write = (state: MvccState) => void;

const key = fc.constantFrom("a", "b", "c");
const lease = fc.constantFrom(0n, 1n, 2n);
const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(key, lease).map(
    ([name, id]): Write =>
      (state) => {
        state.put(toBytes(name), toBytes("v"), state.leases.get(id) === undefined ? 0n : id);
      },
  ),
  key.map(
    (name): Write =>
      (state) => {
        const version = state.get(name, state.workRevision);
        if (version !== undefined) state.delete(version);
      },
  ),
  lease.map(
    (id): Write =>
      (state) => {
        if (id !== 0n && state.leases.get(id) === undefined) state.grantLease(id, 10, 0);
      },
  ),
  lease.map(
    (id): Write =>
      (state) => {
        const found = state.leases.get(id);
        if (found !== undefined) atOnce(state.revokeLease(found));
      },
  ),
  fc.tuple(fc.constantFrom("x", "y"), fc.constantFrom(undefined, "1", "2")).map(
    ([name, value]): Write =>
      (state) =>
        state.changeRecord({ bucket: "b", name, value: value === undefined ? undefined : toBytes(value) }),
  ),
  fc.constant((state: MvccState) => {
    try {
      state.compact(state.revision);
    } catch (error) {
      // There was such a compaction already.
      if (!(error instanceof CompactedError)) throw error;
    }
  }),
);

/** As the journal does with what has been written: takes it all as one group and shows it. */
function settle(state: MvccState): void {
  state.take();
  state.settle();
}

describe("rolling back", () => {
  test("leaves everything as it was when last settled, whatever was written since", () => {
    const writes = fc.array(anyWrite, { maxLength: 15 });
    fc.assert(
      fc.property(writes, writes, writes, (before, after, then) => {
        const [state, other] = [new MvccState(), new MvccState()];
        for (const change of before) for (const one of [state, other]) write(one, change);
        settle(state);
        settle(other);
        const settled = contentOf(state);
        // Also with groups that were taken already, as those are that wait for the disk.
        for (const change of after) {
          write(state, change);
          if (state.revision % 3 === 0) state.take();
        }
        state.rollback();
        expect(contentOf(state)).toEqual(settled);
        const { changes, versions } = state.take();
        expect([changes, versions]).toEqual([[], []]);
        // And it goes on as one that never had them.
        for (const change of then) for (const one of [state, other]) write(one, change);
        expect(state.take()).toEqual(other.take());
      }),
    );
  });

  test("a write that throws takes back its own changes and no others", () => {
    const state = new MvccState();
    write(state, () => state.put(toBytes("kept"), toBytes("1"), 0n));
    const other = new MvccState();
    write(other, () => other.put(toBytes("kept"), toBytes("1"), 0n));
    const before = contentOf(state);
    const failing = (): void =>
      write(state, () => {
        state.put(toBytes("lost"), toBytes("1"), 0n);
        throw new Error("stop");
      });
    expect(failing).toThrow("stop");
    expect([contentOf(state), state.take()]).toEqual([before, other.take()]);
  });

  test("groups are settled one after the other, each showing its own changes and no later ones", () => {
    const state = new MvccState();
    for (const value of ["1", "2", "3"]) {
      write(state, () => state.put(toBytes("a"), toBytes(value), 0n));
      state.take();
    }
    const seen: unknown[] = [];
    for (let group = 0; group < 3; group += 1) {
      state.settle();
      seen.push([state.settledRevision, [...state.versionsFrom(0)].length]);
    }
    expect(seen).toEqual([
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
  });

  test("what is not settled is seen by no reader, however far a write has got", () => {
    const state = new MvccState();
    write(state, () => state.put(toBytes("a"), toBytes("1"), 0n));
    settle(state);
    const seen = (): unknown => [readAt(state, state.settledRevision), [...state.versionsFrom(0)].map(told)];
    const before = seen();
    const steps = state.writeInSteps(function* () {
      state.put(toBytes("a"), toBytes("2"), 0n);
      yield;
      state.put(toBytes("b"), toBytes("2"), 0n);
    });
    steps.next();
    expect(seen()).toEqual(before);
    steps.next();
    expect(seen()).toEqual(before);
    settle(state);
    expect(readAt(state, state.settledRevision).length).toBe(2);
  });
});

describe("compaction", () => {
  test("changes no read at its revision or later, and frees all that is older", () => {
    const writes = fc.array(anyWrite, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(writes, fc.integer({ min: 0, max: 10 }), fc.boolean(), (changes, back, squeezes) => {
        const state = new MvccState();
        for (const change of changes) write(state, change);
        settle(state);
        const revision = state.revision - back;
        if (revision <= state.compactRevision || revision < 1) return;
        const readAll = (): unknown[] => {
          const reads: unknown[] = [];
          for (let at = revision; at <= state.revision; at += 1) reads.push(readAt(state, at));
          return reads;
        };
        const later = (): unknown[] => [...state.versionsFrom(revision)].map(told);
        const before = [readAll(), later()];
        const versionsBefore = [...state.versionsFrom(0)].length;
        write(state, () => state.compact(revision));
        settle(state);
        let gone = 0;
        atOnce(
          state.forget(() => {
            gone += 1;
          }),
        );
        if (squeezes) atOnce(state.squeeze());
        expect([readAll(), later(), state.hasForgettable]).toEqual([...before, false]);
        const old = [...state.versionsFrom(0)].filter((version) => version.modRevision < revision);
        expect(old.filter((version) => version.deleted)).toEqual([]);
        expect(new Set(old.map((version) => version.key)).size).toBe(old.length);
        expect(versionsBefore - [...state.versionsFrom(0)].length).toBe(gone);
      }),
    );
  });

  test("waits with what somebody reads until it has been read", () => {
    const state = new MvccState();
    for (const value of ["1", "2", "3"]) write(state, () => state.put(toBytes("a"), toBytes(value), 0n));
    settle(state);
    const unpin = state.pin(3);
    const before = readAt(state, 3);
    write(state, () => state.compact(4));
    settle(state);
    atOnce(state.forget(() => undefined));
    expect([readAt(state, 3), state.get("a", 2), state.hasForgettable]).toEqual([before, undefined, false]);
    unpin();
    expect(state.hasForgettable).toBe(true);
    atOnce(state.forget(() => undefined));
    expect([readAt(state, 3), readAt(state, 4).length]).toEqual([[], 1]);
  });
});

test("values are copied, because the caller's bytes may be used again", () => {
  const state = new MvccState();
  const [name, value] = [toBytes("key"), toBytes("value")];
  write(state, () => state.put(name, value, 0n));
  name.fill(0);
  value.fill(0);
  const version = state.get("key", state.revision);
  expect([toText(version?.keyBytes ?? name), toText(version?.value ?? value)]).toEqual(["key", "value"]);
});
