/** fleet's API: every route's forms and status codes, as fleet 1.0 answers. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { STOP_NOTICED_MS } from "#api/fleet/current-state.ts";
import { DISCOVERY } from "#api/fleet/discovery.ts";
import { keys } from "#model/keys.ts";
import { deleteKey } from "#store/ops.ts";
import { type Answer, M1, M2, TestCluster } from "./served-cluster.ts";

const OPTIONS = [
  { section: "Unit", name: "Description", value: "A test" },
  { section: "Service", name: "ExecStart", value: "/bin/sleep infinity" },
];
const TEXT = "[Unit]\nDescription=A test\n\n[Service]\nExecStart=/bin/sleep infinity\n";

interface Failure {
  readonly error: { readonly code: number; readonly message: string };
}

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
  await cluster.addMachine(M2, "m2", { address: "10.0.0.2", metadata: { disk: "ssd" } });
  await cluster.addMachine(M1, "m1", { address: "10.0.0.1" });
});
afterEach(() => cluster.close());

/** A request; a body that is given is declared as JSON unless it is said otherwise. */
async function ask(
  method: string,
  path: string,
  body?: unknown,
  type = "application/json",
): Promise<Answer<unknown>> {
  const headers: Record<string, string> = body === undefined || type === "" ? {} : { "content-type": type };
  const sent = body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) };
  const response = await cluster.fetch(new Request(`http://api${path}`, { method, headers, ...sent }));
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

const failure = (code: number, message: string): Answer<Failure> => ({
  status: code,
  body: { error: { code, message } },
});
const put = (name: string, body: unknown): Promise<Answer<unknown>> =>
  ask("PUT", `/fleet/v1/units/${name}`, body);

describe("PUT of a unit", () => {
  test("makes one that is not there, with what is asked of it", async () => {
    expect(await put("a.service", { options: OPTIONS, desiredState: "launched" })).toEqual({
      status: 201,
      body: undefined,
    });
    const { units, files } = cluster.dependencies.mirror.view;
    expect(units.get("a.service")?.desired).toBe("launched");
    expect(files.get(units.get("a.service")?.file ?? "")).toBe(TEXT);
  });

  test("of options alone submits it", async () => {
    await put("a.service", { options: OPTIONS });
    expect(cluster.dependencies.mirror.view.units.get("a.service")?.desired).toBe("inactive");
  });

  test("sets the desired state of one that is there", async () => {
    await put("a.service", { options: OPTIONS });
    expect(await put("a.service", { desiredState: "loaded" })).toEqual({ status: 204, body: undefined });
    expect(cluster.dependencies.mirror.view.units.get("a.service")?.desired).toBe("loaded");
    expect(
      (await put("a.service", { name: "a.service", options: OPTIONS, desiredState: "inactive" })).status,
    ).toBe(204);
    expect(cluster.dependencies.mirror.view.units.get("a.service")?.desired).toBe("inactive");
  });

  test("with other options takes what is there off its machine and replaces it", async () => {
    await put("a.service", { options: OPTIONS, desiredState: "launched" });
    const options = [...OPTIONS, { section: "Service", name: "Restart", value: "always" }];
    expect((await put("a.service", { options })).status).toBe(201);
    const { units, files } = cluster.dependencies.mirror.view;
    const record = units.get("a.service");
    expect([record?.desired, record?.history.length]).toEqual(["inactive", 1]);
    expect(files.get(record?.file ?? "")).toContain("Restart=always");
  });

  test.each([
    ["nothing of a unit that is not there", {}, 409, "unit does not exist and options field empty"],
    [
      "another name",
      { name: "b.service", options: OPTIONS },
      400,
      'name in URL "a.service" differs from unit name in request body "b.service"',
    ],
    [
      "a state that is none",
      { options: OPTIONS, desiredState: "gone" },
      400,
      /^unable to decode body: desiredState: /,
    ],
    ["what is no object", [], 400, /^unable to decode body/],
    [
      "options that cannot be run",
      { options: [{ section: "Service", name: "Type", value: "oneshot" }] },
      400,
      /ExecStart/,
    ],
    [
      "options that exclude each other",
      {
        options: [
          ...OPTIONS,
          { section: "X-Fleet", name: "MachineID", value: M1 },
          { section: "X-Fleet", name: "Global", value: "true" },
        ],
      },
      400,
      /MachineID/,
    ],
  ])("refuses %s", async (_, body, code, message) => {
    const answer = await put("a.service", body);
    expect(answer).toEqual({
      status: code,
      body: { error: { code, message: expect.stringMatching(message) } },
    });
    expect(cluster.dependencies.mirror.view.units.has("a.service")).toBe(false);
  });

  test("refuses neither options nor a state for one that is there", async () => {
    await put("a.service", { options: OPTIONS });
    expect(await put("a.service", {})).toEqual(
      failure(409, "must provide DesiredState to update existing unit"),
    );
  });

  test("refuses a name that is none, and a template that shall run", async () => {
    expect((await put("a.zebra", { options: OPTIONS })).status).toBe(400);
    await put("a@.service", { options: OPTIONS });
    expect((await put("a@.service", { desiredState: "launched" })).status).toBe(400);
  });

  test.each([
    ["none", "", "expected 1 Content-Type, got 0"],
    ["another", "text/plain", "only acceptable Content-Type is application/json"],
  ])("refuses a content type that is %s", async (_, type, message) => {
    expect(await ask("PUT", "/fleet/v1/units/a.service", { options: OPTIONS }, type)).toEqual(
      failure(415, message),
    );
  });

  test("takes a content type with parameters", async () => {
    const type = "application/json; charset=utf-8";
    expect((await ask("PUT", "/fleet/v1/units/a.service", { options: OPTIONS }, type)).status).toBe(201);
  });
});

describe("a unit", () => {
  test("is shown with its options and states; what is empty is left out", async () => {
    await put("a.service", { options: OPTIONS, desiredState: "launched" });
    const shown = { desiredState: "launched", name: "a.service", options: OPTIONS };
    expect((await ask("GET", "/fleet/v1/units/a.service")).body).toEqual({
      ...shown,
      currentState: "inactive",
    });
    await cluster.report("a.service", M2);
    expect((await ask("GET", "/fleet/v1/units/a.service")).body).toEqual({
      ...shown,
      currentState: "launched",
      machineID: M2,
    });
  });

  test("is loaded where its machine has it and never started it", async () => {
    await put("a.service", { options: OPTIONS, desiredState: "loaded" });
    await cluster.report("a.service", M2, { launch: 0, active: "inactive", sub: "dead" });
    expect((await ask("GET", "/fleet/v1/units/a.service")).body).toMatchObject({ currentState: "loaded" });
  });

  test("that is to be stopped counts as launched until it has, and for a moment more", async () => {
    await put("a.service", { options: OPTIONS, desiredState: "launched" });
    await put("a.service", { desiredState: "loaded" });
    await cluster.report("a.service", M2, { active: "deactivating", sub: "stop-sigterm" });
    expect((await ask("GET", "/fleet/v1/units/a.service")).body).toMatchObject({ currentState: "launched" });
    await cluster.report("a.service", M2, { active: "inactive", sub: "dead" });
    const shown = async (): Promise<unknown> => (await ask("GET", "/fleet/v1/units/a.service")).body;
    await expect.poll(shown, { timeout: 10 * STOP_NOTICED_MS }).toMatchObject({ currentState: "loaded" });
  });

  test("that is not there is not found, and not destroyed", async () => {
    expect(await ask("GET", "/fleet/v1/units/a.service")).toEqual(failure(404, "unit does not exist"));
    expect(await ask("DELETE", "/fleet/v1/units/a.service")).toEqual(failure(404, "unit does not exist"));
  });

  test("is destroyed without a word", async () => {
    await put("a.service", { options: OPTIONS });
    expect(await ask("DELETE", "/fleet/v1/units/a.service")).toEqual({ status: 204, body: undefined });
    expect(cluster.dependencies.mirror.view.units.size).toBe(0);
  });
});

describe("lists", () => {
  test("without members are empty objects", async () => {
    for (const path of ["units", "state"]) expect((await ask("GET", `/fleet/v1/${path}`)).body).toEqual({});
  });

  test("of units come in pages of a hundred, by name", async () => {
    const units = Array.from({ length: 101 }, (_, index) => ({
      unit: `u${String(index).padStart(3, "0")}.service`,
      text: TEXT,
    }));
    await cluster.call("POST", "/v1/units", { units });
    const first = (await ask("GET", "/fleet/v1/units")).body as {
      nextPageToken: string;
      units: { name: string }[];
    };
    expect([first.units.length, first.units[0]?.name, first.nextPageToken]).toEqual([
      100,
      "u000.service",
      "ZAACAA==",
    ]);
    const second = (
      await ask("GET", `/fleet/v1/units?nextPageToken=${encodeURIComponent(first.nextPageToken)}&alt=json`)
    ).body;
    expect(second).toEqual({ units: [expect.objectContaining({ name: "u100.service" })] });
  });

  test.each(["units", "state", "machines"])("refuse a token that is none: %s", async (path) => {
    expect(await ask("GET", `/fleet/v1/${path}?nextPageToken=AAAA`)).toMatchObject({
      status: 400,
      body: { error: { code: 400 } },
    });
  });

  test("of states can be of one unit or one machine", async () => {
    for (const [unit, machine] of [
      ["a.service", M1],
      ["a.service", M2],
      ["b.service", M2],
    ] as const) {
      await put(unit, { options: OPTIONS, desiredState: "launched" });
      await cluster.report(unit, machine);
    }
    const statesOf = async (query: string): Promise<string[]> => {
      const { states } = (await ask("GET", `/fleet/v1/state${query}`)).body as {
        states: { name: string; machineID: string }[];
      };
      return states.map(({ name, machineID }) => `${name} ${machineID === M1 ? "m1" : "m2"}`);
    };
    expect(await statesOf("")).toEqual(["a.service m1", "a.service m2", "b.service m2"]);
    expect(await statesOf(`?machineID=${M2}`)).toEqual(["a.service m2", "b.service m2"]);
    expect(await statesOf("?unitName=a.service")).toEqual(["a.service m1", "a.service m2"]);
    expect((await ask("GET", "/fleet/v1/state/a.service")).body).toMatchObject({
      machineID: M1,
      systemdActiveState: "active",
    });
    expect(await ask("GET", "/fleet/v1/state/c.service")).toEqual(failure(404, "unit state does not exist"));
  });

  test("of a unit that has moved is that of where it is, not of what is left over elsewhere", async () => {
    await put("a.service", { options: OPTIONS, desiredState: "launched" });
    await cluster.report("a.service", M1, { active: "deactivating" });
    await cluster.write(deleteKey(keys.assignment(M1, "a.service")));
    await cluster.report("a.service", M2);
    expect((await ask("GET", "/fleet/v1/state/a.service")).body).toMatchObject({
      machineID: M2,
      systemdActiveState: "active",
    });
  });
});

describe("machines", () => {
  const metadataOf = async (id: string): Promise<unknown> => {
    const { machines } = (await ask("GET", "/fleet/v1/machines")).body as {
      machines: { id: string; metadata?: unknown }[];
    };
    return machines.find((machine) => machine.id === id)?.metadata;
  };
  const patch = (ops: unknown, type?: string): Promise<Answer<unknown>> =>
    ask("PATCH", "/fleet/v1/machines", ops, type);

  test("are shown with address and metadata, by ID", async () => {
    expect((await ask("GET", "/fleet/v1/machines")).body).toEqual({
      machines: [
        { id: M1, primaryIP: "10.0.0.1" },
        { id: M2, metadata: { disk: "ssd" }, primaryIP: "10.0.0.2" },
      ],
    });
  });

  test.each([
    ["as its document has it", "eu"],
    ["as its server wanted it", { value: "eu" }],
    ["as Go reads it, in any case", { Value: "eu" }],
  ])("take metadata %s", async (_, value) => {
    expect(await patch([{ op: "add", path: `/${M1}/metadata/region`, value }])).toEqual({
      status: 204,
      body: undefined,
    });
    expect(await metadataOf(M1)).toEqual({ region: "eu" });
  });

  test("take several changes of several machines in one request, however it is declared", async () => {
    const ops = [
      { op: "replace", path: `/${M2}/metadata/disk`, value: "hdd" },
      { op: "add", path: `/${M2}/metadata/rack`, value: "7" },
      { op: "add", path: `/${M1}/metadata/rack`, value: "8" },
    ];
    expect((await patch(ops, "application/x-www-form-urlencoded")).status).toBe(204);
    expect([await metadataOf(M1), await metadataOf(M2)]).toEqual([{ rack: "8" }, { disk: "hdd", rack: "7" }]);
  });

  test("hide what is removed, also where the machine's own configuration has it", async () => {
    await patch([{ op: "remove", path: `/${M2}/metadata/disk` }]);
    expect(await metadataOf(M2)).toBeUndefined();
  });

  test("take changes before they have ever been present", async () => {
    const id = "f".repeat(32);
    expect((await patch([{ op: "add", path: `/${id}/metadata/disk`, value: "ssd" }])).status).toBe(204);
    await cluster.addMachine(id, "m3");
    expect(await metadataOf(id)).toEqual({ disk: "ssd" });
  });

  test.each([
    [
      "an operation that is none",
      [{ op: "noop", path: `/${M1}/metadata/a`, value: "b" }],
      "invalid op: expect add, remove, or replace",
    ],
    ["a path that is none", [{ op: "add", path: `/${M1}/a`, value: "b" }], "machine metadata path invalid"],
    [
      "a key that is none",
      [{ op: "add", path: `/${M1}/metadata/a b`, value: "b" }],
      "machine metadata path invalid",
    ],
    [
      "no value",
      [{ op: "add", path: `/${M1}/metadata/a` }],
      "invalid value: add and replace require a value",
    ],
  ])("refuse %s, with all that came with it", async (_, ops, message) => {
    const good = { op: "add", path: `/${M1}/metadata/good`, value: "1" };
    expect(await patch([good, ...ops])).toEqual(failure(400, message));
    expect(await metadataOf(M1)).toBeUndefined();
  });

  test("refuse what is no list", async () => {
    expect((await patch({})).status).toBe(400);
  });
});

describe("elsewhere", () => {
  test("both prefixes are the same API", async () => {
    await put("a.service", { options: OPTIONS });
    const [one, other] = await Promise.all([ask("GET", "/fleet/v1/units"), ask("GET", "/v1-alpha/units")]);
    expect(one).toEqual(other);
  });

  test("the discovery document is fleet's", async () => {
    const { status, body } = await ask("GET", "/fleet/v1/discovery");
    expect([status, body]).toEqual([200, DISCOVERY]);
    expect(body).toMatchObject({ id: "fleet:v1", basePath: "/fleet/v1/", baseUrl: "$ENDPOINT/fleet/v1/" });
  });

  test.each([
    ["POST", "/fleet/v1/units", 405],
    ["PUT", "/fleet/v1/state/a.service", 405],
    ["DELETE", "/fleet/v1/machines", 405],
    ["GET", "/fleet/v1", 405],
    ["GET", "/fleet/v1/nothing", 404],
    ["GET", "/fleet/v1/units/", 404],
    ["GET", "/fleet/v1/units/a/b", 404],
  ])("%s %s is %i", async (method, path, code) => {
    expect(await ask(method, path)).toMatchObject({ status: code, body: { error: { code } } });
  });

  test("the API's own description has none of it", async () => {
    const { body } = await cluster.call<{ paths: object }>("GET", "/v1/openapi.json");
    expect(Object.keys(body.paths).filter((path) => path.includes("fleet"))).toEqual([]);
  });
});

test("while the store is away it says so in fleet's words", async () => {
  const away = await TestCluster.start();
  const { mirror } = away.dependencies;
  const without = new TestCluster({
    store: away.store,
    mirror: new Proxy(mirror, {
      get: (target, name): unknown => (name === "connected" ? false : Reflect.get(target, name)),
    }),
  });
  const response = await without.fetch(new Request("http://api/fleet/v1/machines"));
  expect([response.status, await response.json()]).toEqual([
    503,
    { error: { code: 503, message: "fleet server unable to communicate with etcd" } },
  ]);
  await without.close();
  await away.close();
});
