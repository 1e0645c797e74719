import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAGE_BYTES, readMeta, writeMeta } from "./bolt-format.ts";
import { BoltReader, DamagedBolt } from "./bolt-reader.ts";
import { BoltWriter } from "./bolt-writer.ts";
import { readRevisionKey, writeRevisionKey } from "./revision-key.ts";

type Entries = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

/** The file that holds the buckets. */
function write(buckets: Readonly<Record<string, Entries>>): Buffer {
  const bolt = new BoltWriter();
  const pages: Buffer[] = [];
  for (const [name, entries] of Object.entries(buckets)) {
    for (const [key, value] of entries) {
      const page = bolt.add(key, value);
      if (page !== undefined) pages.push(page);
    }
    pages.push(...bolt.endBucket(name));
  }
  const end = bolt.end();
  for (;;) {
    const page = end.next();
    if (page.done === true) return Buffer.concat([...page.value, ...pages]);
    pages.push(page.value);
  }
}

function readerOf(file: Buffer): BoltReader {
  return new BoltReader((offset, length) => file.subarray(offset, offset + length));
}

function entriesOf(file: Buffer, bucket: string): [string, string][] {
  return [...readerOf(file).bucket(bucket)].map(({ key, value }) => [
    key.toString("hex"),
    value.toString("hex"),
  ]);
}

const bytes = (length: number, fill = 1): Buffer => Buffer.alloc(length, fill);
const numbered = (count: number, valueBytes: number): Entries =>
  Array.from({ length: count }, (_, at) => [writeRevisionKey(BigInt(at), 0n), bytes(valueBytes, at)]);
const hexOf = (entries: Entries): [string, string][] =>
  entries.map(([key, value]) => [Buffer.from(key).toString("hex"), Buffer.from(value).toString("hex")]);

describe("a database", () => {
  test("gives back what was written into each bucket, whatever their order", () => {
    const buckets = { key: numbered(10, 20), auth: numbered(3, 5), lease: [] };
    const file = write(buckets);
    for (const [name, entries] of Object.entries(buckets))
      expect(entriesOf(file, name)).toEqual(hexOf(entries));
    expect(entriesOf(file, "nothing")).toEqual([]);
  });

  test.for([
    ["one page", 100],
    ["two levels", 5_000],
    ["three levels", 60_000],
  ] as const)("may be of %s", ([, count]) => {
    const entries = numbered(count, 30);
    const read = [...readerOf(write({ key: entries })).bucket("key")];
    expect(read.length).toBe(count);
    expect(read.every(({ key }, at) => readRevisionKey(key)?.main === BigInt(at))).toBe(true);
  });

  test("may hold values larger than a page", () => {
    const entries: Entries = [
      [bytes(1, 1), bytes(10_000)],
      [bytes(1, 2), bytes(1_500_000)],
      [bytes(1, 3), bytes(0)],
    ];
    expect(entriesOf(write({ key: entries }), "key")).toEqual(hexOf(entries));
  });

  test("may hold keys larger than a page", () => {
    const entries: Entries = [1, 2, 3, 4].map((fill) => [bytes(5_000, fill), bytes(10)]);
    expect(entriesOf(write({ key: entries }), "key")).toEqual(hexOf(entries));
  });

  test("is of whole pages, all of which are used", () => {
    const file = write({ key: numbered(1_000, 300), meta: numbered(2, 9) });
    const meta = readMeta(file.subarray(0, PAGE_BYTES));
    expect(file.length).toBe((meta?.pages ?? 0) * PAGE_BYTES);
  });

  test("gives back whatever is written", () => {
    const entry = fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      fc.uint8Array({ maxLength: 6_000 }),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 60 }), (given) => {
        const byKey = new Map(given.map(([key, value]) => [Buffer.from(key).toString("hex"), value]));
        const entries: Entries = [...byKey]
          .map(([key, value]) => [Buffer.from(key, "hex"), value] as const)
          .sort(([a], [b]) => Buffer.compare(a, b));
        expect(entriesOf(write({ key: entries }), "key")).toEqual(hexOf(entries));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a damaged database", () => {
  const file = write({ key: numbered(500, 50) });
  const everything = (damaged: Buffer): unknown => [...readerOf(damaged).bucket("key")];

  test("is refused when neither of its first pages is whole", () => {
    const damaged = Buffer.from(file);
    damaged.writeUInt8(9, 20);
    expect(() => everything(damaged)).not.toThrow();
    damaged.writeUInt8(9, PAGE_BYTES + 20);
    expect(() => everything(damaged)).toThrow("it is no database of etcd's");
    expect(() => everything(Buffer.alloc(0))).toThrow(DamagedBolt);
  });

  test("is refused when it ends too early", () => {
    expect(() => everything(file.subarray(0, file.length - PAGE_BYTES))).toThrow(DamagedBolt);
  });

  test("is refused when its pages go round in a circle", () => {
    const bolt = Buffer.from(file);
    const root = [...Array(bolt.length / PAGE_BYTES).keys()].find(
      (page) => page > 2 && bolt.readUInt16LE(page * PAGE_BYTES + 8) === 1,
    );
    bolt.writeBigUInt64LE(BigInt(root ?? 0), (root ?? 0) * PAGE_BYTES + 24);
    expect(() => everything(bolt)).toThrow("its pages go round in a circle");
  });

  test("is read or refused, whichever of its bytes is another, and never read past its end", () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(file);
        damaged[at] = byte;
        try {
          everything(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedBolt);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the first pages", () => {
  test("say where things are, and notice a change of any of it", () => {
    const meta = { pageBytes: PAGE_BYTES, root: 7, freelist: 2, pages: 9, transaction: 5n };
    const page = writeMeta(1, meta);
    expect(readMeta(page)).toEqual(meta);
    for (let at = 16; at < 80; at += 1) {
      const changed = Buffer.from(page);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(readMeta(changed)).toBeUndefined();
    }
  });
});

describe("a revision as a key", () => {
  test("is read as it was written, and sorts as revisions do", () => {
    const revision = fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.bigInt({ min: 0n, max: 1000n }));
    fc.assert(
      fc.property(revision, revision, ([main, sub], [otherMain, otherSub]) => {
        expect(readRevisionKey(writeRevisionKey(main, sub))).toEqual({ main, sub, deleted: false });
        const order = Buffer.compare(writeRevisionKey(main, sub), writeRevisionKey(otherMain, otherSub));
        const expected = main === otherMain ? Number(sub - otherSub) : Number(main - otherMain);
        expect(Math.sign(order)).toBe(Math.sign(expected));
      }),
    );
  });

  test("says that the key was deleted", () => {
    const bytesOfDeletion = Buffer.concat([writeRevisionKey(3n, 1n), Buffer.from("t")]);
    expect(readRevisionKey(bytesOfDeletion)).toEqual({ main: 3n, sub: 1n, deleted: true });
    expect(readRevisionKey(Buffer.from("short"))).toBeUndefined();
  });
});
