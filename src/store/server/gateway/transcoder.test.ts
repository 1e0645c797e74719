import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes } from "../../keys.ts";
import type { KeyValue, ResponseOp } from "../../store.ts";
import * as admin from "../../wire/admin-messages.ts";
import * as wire from "../../wire/etcd-messages.ts";
import { type Codec, decode, encode, encodeInSteps } from "../../wire/message.ts";
import { readRoutes } from "./routes.ts";
import { readSchema } from "./schema.ts";
import { Transcoder } from "./transcoder.ts";

const schema = readSchema();
const transcoder = new Transcoder(schema);
const toJson = (message: string, pieces: readonly Uint8Array[]): string =>
  [...transcoder.toJson(message, pieces)].join("");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** As a server writes it: in one where it is short. */
function piecesOf<In>(codec: Codec<unknown, In>, value: In): readonly Uint8Array[] {
  const steps = encodeInSteps(codec, value);
  if (steps === undefined) return [encode(codec, value)];
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** An answer within a transaction's as JSON. */
interface ShownResponse {
  readonly response_range?: { readonly kvs?: readonly { readonly value?: string }[] };
}

describe("the tables", () => {
  test("know every message and enum that a field or a route names", () => {
    const scalars = ["bytes", "string", "bool", "int64", "uint64", "uint32"];
    const known = new Set([...scalars, ...schema.messages.keys(), ...schema.enums.keys()]);
    const fields = [...schema.messages.values()].flat().map(({ type }) => type);
    const routes = [...readRoutes().values()].flatMap(({ request, answer }) => [request, answer]);
    expect([...fields, ...routes].filter((name) => !known.has(name))).toEqual([]);
  });

  test("give no number of a message twice", () => {
    for (const fields of schema.messages.values()) {
      expect(new Set(fields.map(({ number }) => number)).size).toBe(fields.length);
    }
  });

  test("have each path under both prefixes", () => {
    const paths = [...readRoutes().keys()];
    expect(paths).toContain("/v3/kv/range");
    expect(paths).toContain("/v3beta/kv/range");
    expect(paths.length % 2).toBe(0);
  });
});

describe("from JSON", () => {
  test("a request is read by its names, in camel case too, with numbers as text or not", () => {
    for (const json of [
      { key: base64("a"), range_end: base64("b"), limit: "5", sort_order: "DESCEND", keys_only: true },
      { key: base64("a"), rangeEnd: base64("b"), limit: 5, sortOrder: 2, keysOnly: true, unknown: {} },
    ]) {
      expect(decode(wire.rangeRequest, transcoder.toWire("RangeRequest", json))).toMatchObject({
        key: Buffer.from("a"),
        rangeEnd: Buffer.from("b"),
        limit: 5,
        sortOrder: "descend",
        keysOnly: true,
      });
    }
  });

  test("a transaction is read with its guards and branches in order", () => {
    const put = (key: string) => ({ request_put: { key: base64(key), value: base64("v") } });
    const compare = [{ key: base64("a"), target: "MOD", result: "NOT_EQUAL", mod_revision: "7" }];
    const bytes = transcoder.toWire("TxnRequest", { compare, success: [put("x"), put("y")] });
    const request = decode(wire.txnRequest, bytes);
    expect(request.compare).toMatchObject([{ target: "mod", result: "not-equal", value: 7n }]);
    expect(request.success.map((op) => op.kind === "put" && Buffer.from(op.request.key).toString())).toEqual([
      "x",
      "y",
    ]);
  });

  test("the largest numbers keep all their digits", () => {
    const bytes = transcoder.toWire("LeaseRequest", { ID: "9223372036854775807" });
    expect(decode(wire.leaseRevokeRequest, bytes).id).toBe(9_223_372_036_854_775_807n);
  });

  test.for([
    [{ key: 5 }, "key has to be a text in base64"],
    [{ key: "!!" }, "illegal base64 data at input byte 0"],
    [{ key: "YQ=" }, "illegal base64 data at input byte 0"],
    [{ limit: "x" }, "limit has to be a whole number"],
    [{ limit: 1.5 }, "limit has to be a whole number"],
    [{ keys_only: "yes" }, "keys_only has to be true or false"],
    [{ sort_order: "SIDEWAYS" }, 'unknown value "SIDEWAYS" for sort_order'],
    ["text", "a RangeRequest has to be an object"],
    [[], "a RangeRequest has to be an object"],
  ] as const)("%j is refused: %s", ([json, message]) => {
    expect(() => transcoder.toWire("RangeRequest", json)).toThrow(message);
  });

  test("a list has to be one", () => {
    expect(() => transcoder.toWire("TxnRequest", { success: {} })).toThrow("success has to be a list");
  });
});

describe("to JSON", () => {
  test("an answer leaves zeros out, writes numbers as text and bytes in base64", () => {
    const kv = {
      key: toBytes("a"),
      value: toBytes("1"),
      createRevision: 2n,
      modRevision: 3n,
      version: 2n,
      lease: 0n,
    };
    const header = { clusterId: 2n ** 64n - 1n, memberId: 1n, revision: 3n, raftTerm: 2n };
    const bytes = encode(wire.rangeResponse, { header, kvs: [kv], count: 1, more: false });
    expect(toJson("RangeResponse", [bytes])).toBe(
      '{"header":{"cluster_id":"18446744073709551615","member_id":"1","revision":"3","raft_term":"2"},' +
        '"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"2","value":"MQ=="}],"count":"1"}',
    );
  });

  test("words stand for enums", () => {
    const bytes = encode(admin.alarmResponse, { alarms: [{ memberId: 1n, alarm: "nospace" }] });
    expect(JSON.parse(toJson("AlarmResponse", [bytes]))).toEqual({
      alarms: [{ memberID: "1", alarm: "NOSPACE" }],
    });
  });

  test("of what was read from JSON gives the same again", () => {
    const bytes = fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((value) => Buffer.from(value).toString("base64"));
    const number = fc.bigInt({ min: 1n, max: 2n ** 62n }).map(String);
    const put = fc.record(
      { key: bytes, value: bytes, lease: number, prev_kv: fc.constant(true) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(put, (json) => {
        const bytes = transcoder.toWire("PutRequest", json);
        expect(JSON.parse(toJson("PutRequest", [bytes]))).toEqual(json);
      }),
    );
  });

  test("is the same in pieces and as a whole, however deep a long list is", () => {
    const kv = (value: string): KeyValue => {
      const numbers = { createRevision: 2n, modRevision: 3n, version: 2n, lease: 0n };
      return { key: toBytes("a"), value: toBytes(value), ...numbers };
    };
    const header = { revision: 3n };
    const range = fc
      .array(fc.string(), { maxLength: 200 })
      .map((values) => ({ header, kvs: values.map(kv), count: values.length, more: false }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 3 }), (ranges) => {
        const ops = ranges.map((response): ResponseOp => ({ kind: "range", response }));
        const inner: ResponseOp = { kind: "txn", response: { header, succeeded: false, responses: ops } };
        const answer = { header, succeeded: true, responses: [...ops, inner, ...ops] };
        const pieces = [...piecesOf(wire.txnResponse, answer)];
        const whole = toJson("TxnResponse", [encode(wire.txnResponse, answer)]);
        expect(toJson("TxnResponse", pieces)).toBe(whole);
        const { responses } = JSON.parse(whole) as { responses: readonly ShownResponse[] };
        expect(responses).toHaveLength(2 * ranges.length + 1);
        const shown = ranges.map(({ kvs }) => kvs.map(({ value }) => Buffer.from(value).toString("base64")));
        const read = responses
          .slice(0, ranges.length)
          .map(({ response_range: one }) => (one?.kvs ?? []).map(({ value = "" }) => value));
        expect(read).toEqual(shown);
      }),
      { numRuns: 30 },
    );
  });

  test("comes a little at a time where it is long", () => {
    const leases = Array.from({ length: 10_000 }, (_, at) => ({ id: BigInt(at + 1) }));
    const pieces = piecesOf(wire.leaseLeasesResponse, { header: { revision: 1n }, leases });
    const texts = [...transcoder.toJson("LeaseLeasesResponse", pieces)];
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(33_000);
    const { leases: shown } = JSON.parse(texts.join("")) as { leases: readonly unknown[] };
    expect(shown).toHaveLength(10_000);
  });
});
