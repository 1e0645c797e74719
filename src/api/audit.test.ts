import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { ErrorCode } from "#base/errors.ts";
import { isChange, outcomeOf, whatOf } from "./audit.ts";
import { machineConfiguredSchema, unitResultsSchema } from "./bodies.ts";
import { ROUTES } from "./routes.ts";

describe("what is noted of a request", () => {
  test.each<[string, readonly unknown[], readonly string[]]>([
    ["units by name", [{}, { units: ["a.service", "b.service"] }], ["a.service", "b.service"]],
    [
      "submitted units without their text",
      [{}, { units: [{ unit: "a.service", text: "secret" }] }],
      ["a.service"],
    ],
    ["a key without its value", [{}, { key: "db/password", value: "secret" }], ["key=db/password"]],
    ["a key without its bytes", [{}, { key: "db/key", base64: "c2VjcmV0" }], ["key=db/key"]],
    [
      "names of metadata without their values",
      [{ machine: "m1" }, { metadata: { disk: "ssd", zone: null } }],
      ["m1", "metadata=disk", "metadata=zone"],
    ],
    ["whether a machine is cordoned", [{ machine: "m1" }, { cordoned: true }], ["m1", "cordoned=true"]],
    ["for whom a token is", [{}, { role: "operator", name: "ci" }], ["role=operator", "name=ci"]],
    ["which machine joins", [{}, { machine: { id: "1", name: "m2" }, request: "secret" }], ["m2"]],
    ["which token was revoked", [{ token: "ab12cd34" }], ["token=ab12cd34"]],
    ["nothing of a token that is shown whole", [{}, { token: { id: "x", secret: "secret" } }], []],
    [
      "nothing of an etcd's user",
      [{}, { endpoints: ["http://u:secret@h:1"], user: { password: "secret" } }],
      [],
    ],
    ["nothing of a body that is none", [{}, null], []],
    ["nothing of a body of another shape", [{}, ["secret"]], []],
    ["nothing of fields of another shape", [{}, { units: { unit: "x" }, key: 7, metadata: "secret" }], []],
  ])("is %s", (_, parts, what) => {
    expect(whatOf(...parts)).toEqual(what);
  });

  test("is bounded, whatever comes", () => {
    const units = Array.from({ length: 1_000 }, (_, index) => `${"x".repeat(1_000)}${index}.service`);
    const what = whatOf({}, { units });
    expect(what).toHaveLength(101);
    expect(what.at(-1)).toBe("and 900 more");
    expect(JSON.stringify(what).length).toBeLessThan(30_000);
  });

  test("is found in anything without failing", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (params, body) => {
        expect(whatOf(params, body).every((one) => typeof one === "string")).toBe(true);
      }),
    );
  });
});

/** Bodies of the schema's shape in which every text and number says where it is from. */
function bodiesOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  const json: unknown = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return valuesOf(json, "body");
}

function valuesOf(schema: unknown, path: string): fc.Arbitrary<unknown> {
  if (typeof schema !== "object" || schema === null) return fc.constant(`at ${path}`);
  const parts: Readonly<Record<string, unknown>> = { ...schema };
  if (Array.isArray(parts.enum)) return fc.constantFrom(...(parts.enum as unknown[]));
  const any = parts.anyOf ?? parts.oneOf;
  if (Array.isArray(any)) return fc.oneof(...any.map((one) => valuesOf(one, path)));
  if (parts.type === "object") {
    const fields = Object.entries({ ...(parts.properties as object | undefined) });
    const known = fc.record(
      Object.fromEntries(fields.map(([name, one]) => [name, valuesOf(one, `${path}.${name}`)])),
    );
    if (typeof parts.additionalProperties !== "object") return known;
    return fc.dictionary(fc.constantFrom("k1", "k2"), valuesOf(parts.additionalProperties, `${path}.*`));
  }
  if (parts.type === "array")
    return fc.array(valuesOf(parts.items, `${path}[]`), { minLength: 1, maxLength: 3 });
  if (parts.type === "boolean") return fc.boolean();
  if (parts.type === "null") return fc.constant(null);
  return fc.constant(`at ${path}`);
}

/** The fields that are names, as they were reviewed; whatever else a body has must stay out of the log. */
const REVIEWED = new Set([
  ...["body.units[].unit", "body.units[]", "body.machine", "body.by", "body.key", "body.prefix", "body.name"],
  "body.machine.name",
]);

describe("the audit log", () => {
  test.each(ROUTES.filter(isChange).map((route) => [`${route.method} ${route.path}`, route] as const))(
    "has nothing of %s but names that were reviewed",
    (_, { body }) => {
      if (body === undefined) return expect(whatOf({}, undefined)).toEqual([]);
      fc.assert(
        fc.property(bodiesOf(body), (value) => {
          const paths = JSON.stringify(whatOf({}, value)).match(/at body[^"]*/g) ?? [];
          expect(paths.filter((path) => !REVIEWED.has(path.slice(3)))).toEqual([]);
        }),
        { numRuns: 50 },
      );
    },
  );

  test("is for every route that changes something, and for no other", () => {
    const changes = ROUTES.filter(isChange).map(({ method, path }) => `${method} ${path}`);
    const others = ROUTES.filter((route) => !isChange(route)).map(({ method, path }) => `${method} ${path}`);
    expect(changes).toEqual(
      expect.arrayContaining(["post /v1/units", "post /v1/kv", "post /v1/join", "post /v1/tokens"]),
    );
    expect(others.filter((one) => !one.startsWith("get "))).toEqual(["post /v1/verify"]);
  });

  test("says how it went", () => {
    const answer = { type: "application/json", body: "{}" };
    const route = { response: z.unknown() };
    expect(outcomeOf({ ...answer, status: 200 }, route)).toBe("ok");
    expect(outcomeOf({ ...answer, status: 503 }, route)).toBe("status 503");
    const parts = (async function* () {})();
    const stream = { parts, abandon: async () => undefined };
    expect(outcomeOf({ ...answer, status: 200, body: stream }, route)).toBe("begun");
  });

  test.each<[readonly (ErrorCode | null)[], string]>([
    [[], "ok"],
    [[null, null], "ok"],
    [["unit-not-found"], "unit-not-found"],
    [["unit-not-found", "unit-exists", "unit-exists"], "unit-not-found,unit-exists"],
    [[null, "unit-exists"], "partly unit-exists"],
  ])("says of units of which %j were refused: %s", (codes, outcome) => {
    const results = codes.map((code) => ({
      ...{ unit: "a.service", status: code === null ? "changed" : "refused", desired: null, launch: 1 },
      ...{ hash: null, warnings: [], error: code === null ? null : { code, message: "m", causes: [] } },
    }));
    const answer = { status: 200, type: "application/json", body: JSON.stringify({ results }) };
    expect(outcomeOf(answer, { response: unitResultsSchema })).toBe(outcome);
  });

  test.each([
    [true, "ok"],
    [false, "no-change"],
  ])("says of a machine whether it was changed: %s is %s", (changed, outcome) => {
    const body = JSON.stringify({ machine: null, changed });
    const answer = { status: 200, type: "application/json", body };
    expect(outcomeOf(answer, { response: machineConfiguredSchema })).toBe(outcome);
  });
});
