/** Being let in: certificates of both sides, users and their tokens, on the embedded store and on etcd. */
import { copyFileSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore, type RemoteStore } from "#store/etcd/client.ts";
import type { RemoteStoreSettings, StoreUser, TlsFiles } from "#store/etcd/settings.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import { serveStore } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import * as wire from "#store/wire/admin-messages.ts";
import { emptyRequest, headerResponse } from "#store/wire/etcd-messages.ts";
import type { Codec } from "#store/wire/message.ts";
import { startEtcd } from "../../contract/store-etcd.ts";
import { isInstalled } from "../../contract/store-subjects.ts";
import { Certificates } from "./certificates.ts";
import { system } from "./remote-stores.ts";

interface Served {
  readonly endpoint: string;
  /** Forgets every token and every connection. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  start(certificates: Certificates | undefined): Promise<Served>;
}

const embedded: Kind = {
  name: "embedded",
  start: async (certificates) => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const store = await openEmbeddedStore({ ...system, directory });
    const read = (name: string): string => readFileSync(certificates?.path(name) ?? "", "utf8");
    const tls =
      certificates === undefined
        ? {}
        : {
            tls: {
              ...{ cert: read("server.pem"), key: read("server.key") },
              ...{ trustedCa: read("ca.pem"), clientCertAuth: true },
            },
          };
    const serve = (port: number) => serveStore({ store, host: "127.0.0.1", port, ...tls });
    let server = await serve(0);
    const { port } = server.address;
    return {
      endpoint: `127.0.0.1:${port}`,
      restart: async () => {
        await server.close();
        server = await serve(port);
      },
      stop: async () => {
        await server.close();
        await store.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

const etcd: Kind = {
  name: "etcd",
  start: async (certificates) => {
    const files = (name: string): string => certificates?.path(name) ?? "";
    const tls = [
      ...["--cert-file", files("server.pem"), "--key-file", files("server.key")],
      ...["--trusted-ca-file", files("ca.pem"), "--client-cert-auth"],
    ];
    const process = await startEtcd({ args: certificates === undefined ? [] : tls });
    const restart = async (): Promise<void> => {
      await process.kill();
      await process.restart();
    };
    return { endpoint: process.endpoint.replace(/^https?:\/\//, ""), restart, stop: () => process.stop() };
  },
};

let clients: RemoteStore[] = [];
let served: Served;
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
});

function connect(settings: Partial<RemoteStoreSettings> = {}): RemoteStore {
  const client = connectStore({ ...system, endpoints: [served.endpoint], ...settings });
  clients.push(client);
  return client;
}

const put = (store: Store, key = "a") => store.put({ key: toBytes(key), value: toBytes("x") });

describe.each([embedded, ...(isInstalled("etcd") ? [etcd] : [])])("$name with certificates", (kind) => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = new Certificates();
    served = await kind.start(certificates);
  });
  afterAll(async () => {
    await served.stop();
    certificates.remove();
  });

  test("lets in a client with a certificate of its authority", async () => {
    const { header } = await put(connect({ tls: certificates.filesOf("client") }));
    expect(header.revision).toBeGreaterThan(1n);
  });

  test("is recognised by the name it is said to have", async () => {
    const tls = certificates.filesOf("client");
    await put(connect({ tls: { ...tls, serverName: "store.test" } }));
    await expect(put(connect({ tls: { ...tls, serverName: "other.test" } }))).rejects.toThrow("other.test");
  });

  test.each<[string, (of: Certificates) => TlsFiles]>([
    ["has no certificate", (of) => of.filesOf(undefined)],
    ["has one of another authority", (of) => of.filesOf("stranger")],
    ["has one that has run out", (of) => of.filesOf("expired")],
    ["trusts another authority than the store's", (of) => of.filesOf("client", "other-ca")],
    ["is told files that are not there", (of) => of.filesOf("nobody")],
  ])("and a client that %s do not come together", async (_, filesOf) => {
    const refused = { status: "unavailable", message: expect.stringContaining(served.endpoint) };
    await expect(put(connect({ tls: filesOf(certificates) }))).rejects.toMatchObject(refused);
  });

  test("lets in a client whose certificate was renewed in its place", async () => {
    const renewed = certificates.filesOf("renewed");
    for (const ending of ["pem", "key"]) {
      copyFileSync(certificates.path(`expired.${ending}`), certificates.path(`renewed.${ending}`));
    }
    const client = connect({ tls: renewed });
    await expect(put(client)).rejects.toMatchObject({ status: "unavailable" });
    for (const ending of ["pem", "key"]) {
      copyFileSync(certificates.path(`client.${ending}`), certificates.path(`renewed.${ending}`));
    }
    let isIn = false;
    while (!isIn)
      isIn = await put(client).then(
        () => true,
        () => false,
      );
    expect(isIn).toBe(true);
  });
});

const ROOT: StoreUser = { name: "root", password: "secret" };
const WRITER: StoreUser = { name: "writer", password: "w" };

/** A user who may do all, and one who may read and write under `mine/`. */
async function makeUsers(client: RemoteStore): Promise<void> {
  const call = <Request>(method: string, codec: Codec<unknown, Request>, request: Request) =>
    client.call(`Auth/${method}`, codec, headerResponse, request);
  for (const user of [ROOT, WRITER]) await call("UserAdd", wire.userAddRequest, user);
  for (const { name } of [ROOT, WRITER]) await call("RoleAdd", wire.nameRequest, { name });
  const permission = { kind: "readwrite", ...prefixRange("mine/") } as const;
  await call("RoleGrantPermission", wire.grantPermissionRequest, { role: "writer", permission });
  for (const { name } of [ROOT, WRITER])
    await call("UserGrantRole", wire.userRoleRequest, { user: name, role: name });
}

async function turnAuth(on: boolean, client: RemoteStore): Promise<void> {
  await client.call(on ? "Auth/AuthEnable" : "Auth/AuthDisable", emptyRequest, headerResponse, {});
}

describe.each([embedded, ...(isInstalled("etcd") ? [etcd] : [])])("$name with users", (kind) => {
  beforeAll(async () => {
    served = await kind.start(undefined);
    const client = connect();
    await makeUsers(client);
  });
  beforeEach(async () => {
    await turnAuth(true, connect());
  });
  afterEach(async () => {
    const root = connect({ user: ROOT });
    await turnAuth(false, root);
    await root.close();
  });
  afterAll(() => served.stop());

  test("lets in a user with a password, and refuses another with etcd's words", async () => {
    await put(connect({ user: ROOT }));
    const wrong = { status: "invalid-argument", message: expect.stringContaining("authentication failed") };
    await expect(put(connect({ user: { name: "root", password: "wrong" } }))).rejects.toMatchObject(wrong);
    await expect(put(connect())).rejects.toMatchObject({ message: "etcdserver: user name is empty" });
  });

  test("is asked for a new token when it has forgotten the old one, by calls, watches and renewals of leases", async () => {
    const client = connect({ user: ROOT });
    await put(client);
    const { id } = await client.leaseGrant({ ttlS: 60 });
    await served.restart();
    let written = false;
    while (!written)
      written = await put(client, "b").then(
        () => true,
        (error) => {
          // Only that it is not up again is no fault.
          expect(error).toMatchObject({ status: "unavailable" });
          return false;
        },
      );
    expect(await client.leaseKeepAlive(id)).toBe(60);
    const stop = new AbortController();
    for await (const { kind: what } of client.watch({ key: toBytes("b") }, stop)) {
      expect(what).toBe("created");
      stop.abort();
    }
  });

  test("permits a user what its roles permit, to read, to write and to watch", async () => {
    const client = connect({ user: WRITER });
    await put(client, "mine/a");
    const denied = { status: "permission-denied", message: "etcdserver: permission denied" };
    await expect(put(client, "theirs/a")).rejects.toMatchObject(denied);
    await expect(client.range({ key: toBytes("theirs/a") })).rejects.toMatchObject(denied);
    const watch = client.watch({ key: toBytes("theirs/a") }, new AbortController())[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ status: "permission-denied" });
  });

  test("takes calls of a user while it asks nobody who they are", async () => {
    const root = connect({ user: ROOT });
    await turnAuth(false, root);
    await put(connect({ user: ROOT }));
    await put(root);
    await turnAuth(true, connect());
    await put(root);
    expect((await root.range({ key: toBytes("a") })).kvs.length).toBe(1);
  });
});
