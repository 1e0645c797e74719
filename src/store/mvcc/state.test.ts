import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes, toText } from "../keys.ts";
import { MvccState } from "./state.ts";

const ALL = { from: "", to: undefined };

/** Everything that can be read from a state. */
function contentOf(state: MvccState): unknown {
  return {
    revision: state.revision,
    compactRevision: state.compactRevision,
    now: [...state.range(ALL)],
    versions: [...state.versionsFrom(0n)],
    leases: state.leases.ids().map((id) => [id, [...(state.leases.get(id)?.keys ?? [])].sort()]),
  };
}

type Write = (state: MvccState) => void;

const key = fc.constantFrom("a", "b", "c");
const lease = fc.constantFrom(0n, 1n, 2n);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(key, lease).map(
    ([name, id]): Write =>
      (state) => {
        state.put(toBytes(name), toBytes("v"), state.leases.get(id) === undefined ? 0n : id);
      },
  ),
  key.map(
    (name): Write =>
      (state) => {
        const kv = state.get(name);
        if (kv !== undefined) state.delete(kv);
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
        if (found !== undefined) state.revokeLease(found);
      },
  ),
  fc.constant((state: MvccState) => {
    if (state.revision > state.compactRevision) state.compact(state.revision);
  }),
);

describe("rolling back", () => {
  test("leaves everything as it was when last settled, whatever was written since", () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 15 }), fc.array(write, { maxLength: 15 }), (before, after) => {
        const state = new MvccState();
        for (const one of before) state.write(() => one(state));
        state.settle();
        const settled = contentOf(state);
        for (const one of after) state.write(() => one(state));
        state.rollback();
        expect(contentOf(state)).toEqual(settled);
        expect(state.unsettled).toEqual([]);
      }),
    );
  });

  test("a write that throws takes back its own changes and no others", () => {
    const state = new MvccState();
    state.write(() => state.put(toBytes("kept"), toBytes("1"), 0n));
    const before = contentOf(state);
    const failing = (): void =>
      state.write(() => {
        state.put(toBytes("lost"), toBytes("1"), 0n);
        throw new Error("stop");
      });
    expect(failing).toThrow("stop");
    expect(contentOf(state)).toEqual(before);
    expect(state.unsettled.length).toBe(1);
  });
});

describe("compaction", () => {
  test("changes no read at its revision or later, and frees all that is older", () => {
    const writes = fc.array(write, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(writes, fc.integer({ min: 0, max: 10 }), (changes, back) => {
        const state = new MvccState();
        for (const one of changes) state.write(() => one(state));
        const revision = state.revision - BigInt(back);
        if (revision <= state.compactRevision || revision < 1n) return;
        const readAll = (): unknown[] => {
          const reads: unknown[] = [];
          for (let at = revision; at <= state.revision; at += 1n) reads.push([...state.range(ALL, at)]);
          return reads;
        };
        const [reads, later] = [readAll(), [...state.versionsFrom(revision)]];
        state.compact(revision);
        const gone = state.forget();
        expect(readAll()).toEqual(reads);
        expect([...state.versionsFrom(revision)]).toEqual(later);
        const old = [...state.versionsFrom(0n)].filter((version) => version.kv.modRevision < revision);
        expect(old.filter((version) => version.deleted)).toEqual([]);
        expect(new Set(old.map((version) => version.key)).size).toBe(old.length);
        expect(new Set(gone).size).toBe(gone.length);
      }),
    );
  });
});

test("values are copied, because the caller's bytes may be used again", () => {
  const state = new MvccState();
  const [name, value] = [toBytes("key"), toBytes("value")];
  state.write(() => state.put(name, value, 0n));
  name.fill(0);
  value.fill(0);
  const kv = state.get("key");
  expect([toText(kv?.key ?? name), toText(kv?.value ?? value)]).toEqual(["key", "value"]);
});
