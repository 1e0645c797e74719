import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EventList } from "#api/bodies.ts";
import { OWN_ROUTES } from "#api/routes.ts";
import type { ErrorBody } from "#base/errors.ts";
import { FlotillaClient } from "#client/client.ts";
import { keys } from "#model/keys.ts";
import { putJson } from "#store/ops.ts";
import { StoreError } from "#store/store.ts";
import { M1, M2, SERVICE, TestCluster } from "./served-cluster.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(() => cluster.close());

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>;
}

describe("the OpenAPI document", () => {
  test("has every route, with its parameters, body, answer and error", async () => {
    const { body } = await cluster.call<OpenApi>("GET", "/v1/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    for (const route of OWN_ROUTES) {
      const operation = body.paths[route.path]?.[route.method];
      expect(operation?.summary).toBe(route.summary);
      expect(Object.keys(operation?.responses["200"]?.content ?? {})).toEqual([route.produces]);
      expect(operation?.responses.default).toBeDefined();
      const inPath = operation?.parameters.filter((parameter) => parameter.in === "path") ?? [];
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(route.path.match(/\{\w+\}/g) ?? []);
      expect(operation?.requestBody !== undefined).toBe(route.body !== undefined);
    }
  });

  test("names each operation once", async () => {
    const { body } = await cluster.call<OpenApi>("GET", "/v1/openapi.json");
    const ids = Object.values(body.paths).flatMap((path) =>
      Object.values(path).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("what the API answers has the form it declares", () => {
  test("for each route that reads", async () => {
    await cluster.addMachine(M1, "m1");
    await cluster.call("POST", "/v1/units", {
      units: [{ unit: "a.service", text: SERVICE }],
      desired: "launched",
    });
    await cluster.report("a.service", M1);
    const reading = OWN_ROUTES.filter(
      ({ method, produces }) => method === "get" && produces === "application/json",
    );
    for (const route of reading) {
      const { status, body } = await cluster.call(
        "GET",
        route.path.replace("{unit}", "a.service").replace("{machine}", "m1"),
      );
      expect({ path: route.path, status }).toEqual({ path: route.path, status: 200 });
      expect(route.response.safeParse(body).error).toBeUndefined();
    }
  });
});

describe("a request that is wrong", () => {
  test.each<[string, string, string, unknown, string]>([
    ["no list of units", "POST", "/v1/units", {}, "body.units"],
    ["a unit without a name", "POST", "/v1/units", { units: [{ text: "" }] }, "body.units.0.unit"],
    [
      "a text that is a number",
      "POST",
      "/v1/units",
      { units: [{ unit: "a.service", text: 1 }] },
      "body.units.0.text",
    ],
    [
      "a state that is none",
      "POST",
      "/v1/units",
      { units: [{ unit: "a.service" }], desired: "up" },
      "body.desired",
    ],
    ["names that are no list", "POST", "/v1/units/stop", { units: "a.service" }, "body.units"],
    ["a list instead of an object", "POST", "/v1/units", [], "body"],
    [
      "metadata that is a number",
      "PATCH",
      "/v1/machines/m1",
      { metadata: { disk: 1 } },
      "body.metadata.disk",
    ],
  ])("by %s is refused with the path of the field", async (_, method, path, body, field) => {
    const answer = await cluster.call<ErrorBody>(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([400, "bad-request"]);
    expect(answer.body.causes.join("\n")).toContain(`${field}: `);
  });

  test("by a parameter of the wrong form is refused with its name", async () => {
    const { status, body } = await cluster.call<ErrorBody>("GET", "/v1/events?limit=many");
    expect([status, body.code]).toEqual([400, "bad-request"]);
    expect(body.causes.join()).toContain("query.limit: ");
  });

  test.each([
    ["not JSON", "{", "application/json"],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "application/json"],
    ["not declared as JSON", "{}", "text/plain"],
  ])("by a body that is %s is refused", async (_, body, type) => {
    const response = await cluster.fetch(
      new Request("http://api/v1/units", { method: "POST", body, headers: { "content-type": type } }),
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad-request" });
  });

  test("by its size is refused with 413, over a socket too", async () => {
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).http });
    const text = "#".repeat(17 * 1024 * 1024);
    await expect(client.submit({ units: [{ unit: "a.service", text }] })).rejects.toMatchObject({
      code: "limit-exceeded",
    });
  });

  test.each([
    ["is read", 10, 200],
    ["is refused when it is too large", 17 * 1024 * 1024, 413],
  ])("with a body in chunks, of unknown size, %s", async (_, length, expected) => {
    const { http } = await cluster.serve();
    const text = "#".repeat(length);
    const response = await fetch(`${http}/v1/verify`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob([JSON.stringify({ unit: "a.service", text })]).stream(),
      duplex: "half",
    });
    expect(response.status).toBe(expected);
  });

  test.each(["DELETE", "PUT", "OPTIONS"])(
    "by a method that no route has (%s) is refused with 404",
    async (method) => {
      const { http } = await cluster.serve();
      const response = await fetch(`${http}/v1/units`, { method });
      expect([response.status, await response.json()]).toMatchObject([404, { code: "not-found" }]);
    },
  );

  test("by its path is refused with 404", async () => {
    const { status, body } = await cluster.call<ErrorBody>("GET", "/v1/nothing");
    expect([status, body.code]).toEqual([404, "not-found"]);
  });
});

describe("a store that is away", () => {
  test("leaves reads as they were known and refuses writes with 503", async () => {
    await cluster.addMachine(M1, "m1");
    Object.assign(cluster.store, {
      txn: () => Promise.reject(new StoreError("unavailable", "connection refused")),
    });
    const body = { units: [{ unit: "a.service", text: SERVICE }] };
    const answer = await cluster.call<{ results: { error: ErrorBody }[] }>("POST", "/v1/units", body);
    expect(answer.body.results).toMatchObject([{ status: "refused", error: { code: "store-unavailable" } }]);
    expect((await cluster.call("GET", "/v1/machines")).status).toBe(200);
    const patch = await cluster.call<ErrorBody>("PATCH", "/v1/machines/m1", { cordoned: true });
    expect([patch.status, patch.body.code]).toEqual([503, "store-unavailable"]);
  });
});

describe("machines", () => {
  beforeEach(async () => {
    await cluster.addMachine(M1, "m1", { metadata: { zone: "a", disk: "hdd" } });
    await cluster.addMachine(M2, "m2");
  });

  function configure(machine: string, patch: object): Promise<{ status: number; body: ErrorBody }> {
    return cluster.call<ErrorBody>("PATCH", `/v1/machines/${machine}`, patch);
  }

  test("are configured over their own metadata, key by key, and what is laid over can be taken back", async () => {
    const laid = { metadata: { disk: "ssd", zone: null } };
    expect(await configure("m1", laid)).toMatchObject({ body: { machine: { metadata: { disk: "ssd" } } } });
    const back = { unset: ["disk", "zone"] };
    expect(await configure("m1", back)).toMatchObject({
      body: { machine: { metadata: { zone: "a", disk: "hdd" } } },
    });
  });

  test("keep their cordon when only metadata changes", async () => {
    await configure("m1", { cordoned: true });
    expect(await configure("m1", { metadata: { a: "b" } })).toMatchObject({
      body: { machine: { cordoned: true } },
    });
  });

  test("are named in the event of what was changed, and a change of nothing is none", async () => {
    await configure("m1", {});
    await configure("m1", { cordoned: true, metadata: { disk: "ssd" } });
    const { events } = (await cluster.call<EventList>("GET", "/v1/events")).body;
    expect(events.map(({ message }) => message)).toEqual([
      "machine m1: the operator cordoned it, set metadata disk=ssd",
    ]);
  });

  test.each([
    ["a key that is none", { metadata: { "a b": "c" } }, "bad-request"],
    ["a value that is too long", { metadata: { a: "x".repeat(300) } }, "limit-exceeded"],
    [
      "too many keys",
      { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ""])) },
      "limit-exceeded",
    ],
  ])("refuse %s", async (_, patch, code) => {
    expect((await configure("m1", patch)).body.code).toBe(code);
    expect(cluster.dependencies.mirror.view.machineConfigs.size).toBe(0);
  });

  test("are found by ID, prefix and name, and not by what means two", async () => {
    for (const machine of [M2, "122", "m2"]) expect((await configure(machine, {})).status).toBe(200);
    expect((await configure("1", {})).body.code).toBe("machine-ambiguous");
    expect((await configure("m3", {})).body).toMatchObject({
      code: "machine-not-found",
      hint: "present are: m1, m2",
    });
  });
});

describe("metrics", () => {
  test("count units by what is asked for and by what is", async () => {
    await cluster.addMachine(M1, "m1");
    await cluster.write(putJson(keys.engine(), { machine: M1, instance: "i", electedMs: 1 }));
    const units = [{ unit: "a.service", text: SERVICE }];
    await cluster.call("POST", "/v1/units", { units, desired: "launched" });
    await cluster.report("a.service", M1);
    const response = await cluster.fetch(new Request("http://api/metrics"));
    const lines = (await response.text()).split("\n");
    expect(lines).toContain("# TYPE flotilla_units gauge");
    expect(lines).toContain('flotilla_units{desired="launched"} 1');
    expect(lines).toContain('flotilla_unit_states{active="active"} 1');
    expect(lines).toContain("flotilla_engine 1");
    expect(lines).toContain("flotilla_machines 1");
  });
});

describe("verify", () => {
  test("says what is wrong without storing anything", async () => {
    const { body } = await cluster.call<object>("POST", "/v1/verify", {
      unit: "a.service",
      text: "[Service\n",
    });
    expect(body).toMatchObject({ errors: [{ code: "bad-unit-file", place: { line: 1 } }] });
    expect(cluster.dependencies.mirror.view.units.size).toBe(0);
  });
});
