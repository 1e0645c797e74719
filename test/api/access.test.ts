/** Every route and every kind of caller: let in or refused as was decided, and noted where something is changed. */
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "#api/access/identify.ts";
import { isChange } from "#api/audit.ts";
import type { AuditEntry } from "#api/bodies.ts";
import type { Route } from "#api/route.ts";
import { ROUTES } from "#api/routes.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Identity } from "#trust/identity.ts";
import { M1, TestCluster } from "./served-cluster.ts";
import { makeToken, TestTrust } from "./trust.ts";

/**
 * What each route needs, as it was decided; a route that is new has to be decided here as well as where it is written.
 * Reading is for viewers, with the users' own keys and journals; what shows the cluster's own secrets is not.
 */
const DECIDED: Readonly<Record<string, Route["needs"]>> = {
  "get /v1/version": "nothing",
  "get /v1/health": "nothing",
  "get /v1/openapi.json": "nothing",
  "post /v1/join": "nothing",
  "get /v1/whoami": "viewer",
  "get /v1/cluster": "viewer",
  "get /metrics": "viewer",
  "post /v1/verify": "viewer",
  "get /v1/units": "viewer",
  "get /v1/units/watch": "viewer",
  "get /v1/unit-files": "viewer",
  "get /v1/units/{unit}": "viewer",
  "get /v1/units/{unit}/file": "viewer",
  "get /v1/units/{unit}/why": "viewer",
  "get /v1/units/{unit}/journal": "viewer",
  "get /v1/machines": "viewer",
  "get /v1/machines/{machine}/units/{unit}/usage": "viewer",
  "get /v1/machines/{machine}/journal": "viewer",
  "get /v1/machines/{machine}/store-place": "viewer",
  "get /v1/machines/{machine}/drain": "viewer",
  "get /v1/machines/{machine}/drain/watch": "viewer",
  "get /v1/events": "viewer",
  "get /v1/events/watch": "viewer",
  "get /v1/kv": "viewer",
  "get /v1/kv/watch": "viewer",
  "get /v1/store": "viewer",
  "post /v1/units": "operator",
  "post /v1/units/stop": "operator",
  "post /v1/units/unload": "operator",
  "post /v1/units/restart": "operator",
  "post /v1/units/destroy": "operator",
  "post /v1/kv": "operator",
  "post /v1/kv/delete": "operator",
  "patch /v1/machines/{machine}": "operator",
  "post /v1/machines/{machine}/drain": "operator",
  "get /v1/store/backup": "admin",
  "post /v1/store/promote": "admin",
  "post /v1/store/use": "admin",
  "post /v1/store/add": "admin",
  "post /v1/store/remove": "admin",
  "post /v1/store/replace": "admin",
  "post /v1/store/defrag": "admin",
  "get /v1/machines/{machine}/audit": "admin",
  "get /v1/tokens": "admin",
  "post /v1/tokens": "admin",
  "post /v1/tokens/{token}/revoke": "admin",
  "post /v1/people": "admin",
  "post /v1/people/{person}/revoke": "admin",
  "post /v1/machines/{machine}/remove": "admin",
};

/** fleet's, below each of its two prefixes; its clients ask for the discovery document before they say who they are. */
const FLEET: Readonly<Record<string, Route["needs"]>> = {
  "get {fleet}/discovery": "nothing",
  "get {fleet}/units": "viewer",
  "get {fleet}/units/{unit}": "viewer",
  "get {fleet}/state": "viewer",
  "get {fleet}/state/{unit}": "viewer",
  "get {fleet}/machines": "viewer",
  "put {fleet}/units/{unit}": "operator",
  "delete {fleet}/units/{unit}": "operator",
  "patch {fleet}/machines": "operator",
};

const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

let cluster: TestCluster;
let shown: X509Certificate;
const noted: AuditEntry[] = [];
const tokens = { viewer: makeToken("viewer"), operator: makeToken("operator"), admin: makeToken("admin") };
/** What the certificate of the next request says; undefined: it is not believed. */
let identity: Identity | undefined;

beforeAll(async () => {
  const trust = await TestTrust.make("ours");
  shown = new X509Certificate((await trust.machine(M1, "m1")).cert);
  const judge = (): Identity => {
    if (identity !== undefined) return identity;
    throw new FlotillaError("not-authenticated", "a certificate of another cluster");
  };
  cluster = await TestCluster.start({
    access: { kind: "checked", judge },
    audit: {
      note: async (entry) => {
        noted.push(entry);
      },
      read: () => (async function* () {})(),
    },
  });
  await cluster.addMachine(M1, "m1");
  for (const { write } of Object.values(tokens)) await cluster.write(write);
});
afterAll(() => cluster.close());

interface Kind {
  readonly origin: "socket" | "certificate" | "nothing";
  readonly identity?: Identity;
  readonly token?: string;
  readonly may: readonly Route["needs"][];
  readonly caller: string;
}

const person = (role: "viewer" | "operator" | "admin"): Identity => ({
  kind: "person",
  clusterId: "ours",
  name: "p",
  role,
});
const VIEWER = ["nothing", "viewer"] as const;
const OPERATOR = [...VIEWER, "operator"] as const;
const ADMIN = [...OPERATOR, "admin"] as const;

const KINDS: Readonly<Record<string, Kind>> = {
  "the local socket": { origin: "socket", may: ADMIN, caller: "local socket" },
  nobody: { origin: "nothing", may: ["nothing"], caller: "nobody" },
  "a certificate that is not believed": { origin: "certificate", may: ["nothing"], caller: "nobody" },
  "a made-up token": {
    origin: "nothing",
    token: makeToken("admin").text,
    may: ["nothing"],
    caller: "nobody",
  },
  "a machine": {
    origin: "certificate",
    identity: { kind: "machine", clusterId: "ours", id: M1, name: "m1" },
    may: VIEWER,
    caller: "machine m1",
  },
  "a viewer": { origin: "certificate", identity: person("viewer"), may: VIEWER, caller: "p" },
  "an operator": { origin: "certificate", identity: person("operator"), may: OPERATOR, caller: "p" },
  "an admin": { origin: "certificate", identity: person("admin"), may: ADMIN, caller: "p" },
  "a viewer's token": {
    origin: "nothing",
    token: tokens.viewer.text,
    may: VIEWER,
    caller: "viewer-token (token)",
  },
  "an operator's token": {
    origin: "nothing",
    token: tokens.operator.text,
    may: OPERATOR,
    caller: "operator-token (token)",
  },
  "an admin's token": {
    origin: "nothing",
    token: tokens.admin.text,
    may: ADMIN,
    caller: "admin-token (token)",
  },
};

function originOf(kind: Kind): Origin {
  if (kind.origin === "socket") return { kind: "socket" };
  return {
    kind: "network",
    address: "10.0.0.9",
    certificate: kind.origin === "certificate" ? shown : undefined,
  };
}

interface Outcome {
  readonly status: number;
  readonly wasRead: boolean;
}

async function call(route: Route, kind: Kind): Promise<Outcome> {
  let wasRead = false;
  async function* body(): AsyncGenerator<Uint8Array> {
    wasRead = true;
    yield Buffer.from('{"secret":"hunter2"}');
  }
  identity = kind.identity;
  const gone = new AbortController();
  const answer = await cluster.api.answer({
    origin: originOf(kind),
    method: route.method.toUpperCase(),
    target: route.path
      .replace("{machine}", "m1")
      .replace("{unit}", "a.service")
      .replaceAll(/\{\w+\}/g, "x"),
    headers: {
      "content-type": "application/json",
      ...(kind.token === undefined ? {} : { authorization: `Bearer ${kind.token}` }),
    },
    body: body(),
    signal: gone.signal,
  });
  if (typeof answer.body !== "string") await answer.body.abandon();
  gone.abort();
  return { status: answer.status, wasRead };
}

test("what each route needs is what was decided, for every route", () => {
  const decided = { ...DECIDED, ...FLEET };
  for (const route of ROUTES) {
    const name = nameOf(route).replace(/\/fleet\/v1|\/v1-alpha/, "{fleet}");
    expect([name, route.needs]).toEqual([name, decided[name]]);
  }
});

describe.each(Object.entries(KINDS))("%s", (_, kind) => {
  test.each(ROUTES.map((route) => [nameOf(route), route] as const))("asks %s", async (_name, route) => {
    noted.length = 0;
    const { status, wasRead } = await call(route, kind);
    const isLetIn = kind.may.includes(route.needs);
    const refusal = kind.caller === "nobody" ? 401 : 403;
    if (isLetIn) expect([401, 403]).not.toContain(status);
    else expect({ status, wasRead }).toEqual({ status: refusal, wasRead: false });
    const caller = isChange(route) ? [kind.caller] : [];
    expect(noted.map((entry) => entry.caller)).toEqual(caller);
    expect(JSON.stringify(noted)).not.toContain("hunter2");
    if (!isLetIn && isChange(route))
      expect(noted[0]?.outcome).toBe(refusal === 401 ? "not-authenticated" : "not-permitted");
  });
});

test("where nobody is checked, whoever comes is let in and is noted so", async () => {
  const open = await TestCluster.start({
    audit: { note: async (entry) => void noted.push(entry), read: () => (async function* () {})() },
  });
  noted.length = 0;
  const answer = await open.api.answer({
    origin: { kind: "network", address: "10.0.0.9" },
    method: "POST",
    target: "/v1/units/stop",
    headers: { "content-type": "application/json" },
    body: (async function* () {
      yield Buffer.from('{"units":["a.service"]}');
    })(),
    signal: new AbortController().signal,
  });
  await open.close();
  expect(answer.status).toBe(200);
  expect(noted).toMatchObject([
    {
      caller: "not checked",
      address: "10.0.0.9",
      route: "POST /v1/units/stop",
      what: ["a.service"],
      outcome: "ok",
    },
  ]);
});
