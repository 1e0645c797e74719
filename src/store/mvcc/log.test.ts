import fc from "fast-check";
import { expect, test } from "vitest";
import { toBytes } from "../keys.ts";
import { type LogMark, type Position, VersionLog } from "./log.ts";
import { RecordBytes, recordBytes, VersionRecord, writeRecord } from "./record.ts";

/** What an index does: knows where the version of each revision is. */
type Index = Map<number, Position>;

const head = (modRevision: number) => ({ modRevision, createRevision: modRevision, version: 1, lease: 0n });
const keyOf = (revision: number): string => `key/${revision}`;

/** A log with one version a revision, from 1 on, whose values have these lengths. */
function logOf(lengths: readonly number[]): { readonly log: VersionLog; readonly index: Index } {
  const log = new VersionLog();
  const index: Index = new Map();
  for (const [at, length] of lengths.entries()) {
    const revision = at + 1;
    index.set(revision, log.append(head(revision), toBytes(keyOf(revision)), new Uint8Array(length)));
  }
  return { log, index };
}

function revisionsIn(log: VersionLog, from: number): number[] {
  return [...log.from(from, Number.MAX_SAFE_INTEGER)].map(({ modRevision }) => modRevision);
}

function keysAt(log: VersionLog, index: Index): string[] {
  return [...index.values()].map((position) => log.read(position).key);
}

function end(log: VersionLog): () => LogMark {
  const mark = log.mark();
  return () => mark;
}

const lengths = fc.array(fc.integer({ min: 0, max: 8_000 }), { minLength: 100, maxLength: 200 });

test("while forgotten versions are squeezed out and others are added, whoever reads finds each that is left once", () => {
  fc.assert(
    fc.property(lengths, fc.func(fc.boolean()), fc.nat({ max: 200 }), (all, isForgotten, from) => {
      const { log, index } = logOf(all);
      for (const [revision, position] of [...index]) {
        if (!isForgotten(revision)) continue;
        log.forget(position);
        index.delete(revision);
      }
      const moved = (before: Position, to: Position): void => {
        index.set(log.read(before).modRevision, to);
      };
      for (const _ of log.squeeze(end(log), moved)) {
        const next = Math.max(all.length, ...index.keys()) + 1;
        index.set(next, log.append(head(next), toBytes(keyOf(next)), new Uint8Array(1_000)));
        const left = [...index.keys()];
        expect(keysAt(log, index)).toEqual(left.map(keyOf));
        expect(revisionsIn(log, from)).toEqual(left.filter((revision) => revision >= from));
      }
      expect(revisionsIn(log, 0)).toEqual([...index.keys()]);
      expect(keysAt(log, index)).toEqual([...index.keys()].map(keyOf));
    }),
    { numRuns: 50 },
  );
});

test("a chunk of many small versions is squeezed in many steps", () => {
  const { log, index } = logOf(Array.from({ length: 6_000 }, () => 0));
  log.append(head(6_001), toBytes("last"), new Uint8Array(1 << 18));
  for (const [revision, position] of index) if (revision % 2 === 0) log.forget(position);
  let steps = 0;
  for (const _ of log.squeeze(end(log), () => undefined)) steps += 1;
  expect(steps).toBeGreaterThan(100);
  expect(revisionsIn(log, 0)).toHaveLength(3_001);
});

test("bytes with gaps between their versions are taken over as they are, and the log goes on behind them", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 22, max: 9_000 }), fc.nat({ max: 9_000 }))), (parts) => {
      const lengthOf = (revision: number, value: number): number =>
        recordBytes(toBytes(keyOf(revision)), new Uint8Array(value));
      const size = parts.reduce((sum, [gap, value], at) => sum + gap + lengthOf(at + 1, value), 0);
      const bytes = new RecordBytes(Buffer.alloc(size, 0xff));
      const log = new VersionLog();
      const index: Index = new Map();
      let at = 0;
      for (const [place, [gap, value]] of parts.entries()) {
        const revision = place + 1;
        writeRecord(bytes, at + gap, head(revision), toBytes(keyOf(revision)), new Uint8Array(value));
        const record = new VersionRecord(bytes, at + gap);
        index.set(revision, log.adopt(record));
        at += gap + record.length;
      }
      const next = parts.length + 1;
      index.set(next, log.append(head(next), toBytes(keyOf(next)), new Uint8Array(0)));
      for (const from of [0, 1, Math.ceil(next / 2), next]) {
        const expected = [...index.keys()].filter((revision) => revision >= from);
        expect(revisionsIn(log, from)).toEqual(expected);
      }
      expect(keysAt(log, index)).toEqual([...index.keys()].map(keyOf));
    }),
  );
});
