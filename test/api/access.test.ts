/** Every route and every kind of caller: let in or refused as was decided, and noted where something is changed. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "#api/access/identify.ts";
import { createApi } from "#api/api.ts";
import { isChange } from "#api/audit.ts";
import type { AuditEntry } from "#api/bodies.ts";
import type { Route } from "#api/route.ts";
import { ROUTES } from "#api/routes.ts";
import { FlotillaError } from "#base/errors.ts";
import { StoreError } from "#store/store.ts";
import type { Identity } from "#trust/identity.ts";
import { M1, TestCluster } from "./served-cluster.ts";
import { makeToken, TestTrust } from "./trust.ts";

/** What each route needs, as docs/access.md says; a route that is new is decided there as well as where it is written. */
function readDecided(page: string): ReadonlyMap<string, string> {
  const rows = [...page.matchAll(/^\| (nothing|viewer|operator|admin) \| (`.*`) \|$/gm)];
  return new Map(
    rows.flatMap(([, needs = "", routes = ""]) =>
      [...routes.matchAll(/`([^`]+)`/g)].map(([, route = ""]) => [route, needs] as const),
    ),
  );
}

/** fleet's routes are below two prefixes. */
const nameOf = ({ method, path }: Route): string =>
  `${method.toUpperCase()} ${path.replace(/^\/(fleet\/v1|v1-alpha)\//, "{fleet}/")}`;

let cluster: TestCluster;
let shown: X509Certificate;
const noted: AuditEntry[] = [];
const tokens = { viewer: makeToken("viewer"), operator: makeToken("operator"), admin: makeToken("admin") };
/** What the certificate of the next request says; undefined: it is not believed. */
let identity: Identity | undefined;

beforeAll(async () => {
  const trust = TestTrust.make("ours");
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
      follow: () => (async function* () {})(),
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

test("what each route needs is what docs/access.md says, for every route", async () => {
  const decided = readDecided(await readFile(join(import.meta.dirname, "../../docs/access.md"), "utf8"));
  const declared = new Map(ROUTES.map((route) => [nameOf(route), route.needs]));
  const undecided = [...declared].filter(([route, needs]) => decided.get(route) !== needs);
  const gone = [...decided].filter(([route]) => !declared.has(route));
  expect({ undecided, gone }).toEqual({ undecided: [], gone: [] });
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
    audit: {
      note: async (entry) => void noted.push(entry),
      read: () => (async function* () {})(),
      follow: () => (async function* () {})(),
    },
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
      outcome: "unit-not-found",
    },
  ]);
});

test("a stranger cannot make the daemon keep megabytes", async () => {
  let sent = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (; sent < 100; sent += 1) yield Buffer.alloc(16 * 1024, " ");
  }
  identity = undefined;
  const answer = await cluster.api.answer({
    origin: { kind: "network", address: "10.0.0.9" },
    method: "POST",
    target: "/v1/join",
    headers: { "content-type": "application/json" },
    body: body(),
    signal: new AbortController().signal,
  });
  expect({ status: answer.status, sent }).toEqual({ status: 413, sent: 4 });
});

test("a certificate lets in while the store is away, and a token then says that it cannot be looked up", async () => {
  const away = new StoreError("unavailable", "no store");
  const range = (): Promise<never> => Promise.reject(away);
  const machine: Identity = { kind: "machine", clusterId: "ours", id: M1, name: "m1" };
  const cut = await TestCluster.start({ access: { kind: "checked", judge: () => machine } });
  const api = createApi({ ...cut.dependencies, store: { ...cut.store, range } });
  const ask = async (certificate: X509Certificate | undefined, authorization: string): Promise<number> => {
    const request = { method: "GET", target: "/v1/units", headers: { authorization } };
    const body = (async function* () {})();
    const origin = { kind: "network", address: "10.0.0.9", certificate } as const;
    return (await api.answer({ ...request, origin, body, signal: new AbortController().signal })).status;
  };
  expect(await ask(shown, "")).toBe(200);
  expect(await ask(undefined, `Bearer ${tokens.admin.text}`)).toBe(503);
  await cut.close();
});
