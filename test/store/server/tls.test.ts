/** The store behind TLS: whose certificates it takes, and that a certificate's name is a user. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import type { LocalStore } from "#store/local-store.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type StoreServer, serveStore } from "#store/server/server.ts";
import { isInstalled } from "../../contract/store-subjects.ts";
import { type Certificate, makeAuthority, makeCertificate } from "./certificates.ts";

const run = promisify(execFile);
/** A busy computer takes its time, most of all for hashing a password. */
const PATIENT = ["--dial-timeout=10s", "--command-timeout=20s"];
/** Who is refused goes on trying until then. */
const QUICK = ["--dial-timeout=500ms", "--command-timeout=1s"];

interface Served {
  readonly store: LocalStore;
  readonly server: StoreServer;
  readonly endpoint: string;
}

describe.runIf(isInstalled("openssl") && isInstalled("etcdctl"))("the store behind TLS", () => {
  let directory = "";
  let authority: Certificate;
  let server: Certificate;
  let client: Certificate;
  let expired: Certificate;
  let foreign: Certificate;
  let served: Served;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-tls-"));
    const other = await makeAuthority(directory, "other");
    authority = await makeAuthority(directory, "authority");
    server = await makeCertificate(directory, authority, "server");
    client = await makeCertificate(directory, authority, "alice");
    expired = await makeCertificate(directory, authority, "expired", -1);
    foreign = await makeCertificate(directory, other, "foreign");
    served = await serve(true);
  });
  afterAll(async () => {
    await end(served);
    await rm(directory, { recursive: true });
  });

  async function serve(clientCertAuth: boolean): Promise<Served> {
    const store = createMemoryStore({ clock: systemClock, random: systemRandom });
    const tls = { cert: server.cert, key: server.key, trustedCa: authority.cert, clientCertAuth };
    const listening = await serveStore({ store, host: "127.0.0.1", port: 0, tls });
    return { store, server: listening, endpoint: `https://127.0.0.1:${listening.address.port}` };
  }

  async function end({ store, server: listening }: Served): Promise<void> {
    await listening.close();
    await store.close();
  }

  async function etcdctl(shown: Certificate | undefined, ...args: string[]): Promise<string> {
    const trust = [`--endpoints=${served.endpoint}`, `--cacert=${authority.certFile}`, ...PATIENT];
    const identity = shown === undefined ? [] : [`--cert=${shown.certFile}`, `--key=${shown.keyFile}`];
    const env = { ...process.env, ETCDCTL_API: "3" };
    return run("etcdctl", [...trust, ...identity, ...args], { env }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }

  test("a client that never agrees on keys does not hold up the end", async () => {
    const short = await serve(false);
    const socket = connect(short.server.address.port, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => undefined);
    const gone = once(socket, "close");
    await end(short);
    await gone;
    expect(socket.destroyed).toBe(true);
  });

  test("a client with a certificate of the trusted authority is served", async () => {
    expect(await etcdctl(client, "put", "a", "1")).toBe("OK\n");
    expect(await etcdctl(client, "endpoint", "status", "-w", "simple")).toContain("3.4.23");
    expect(await etcdctl(client, "member", "list")).toContain(served.endpoint);
  });

  test.for(["none", "expired", "foreign"] as const)(
    "a client is refused whose certificate is %s",
    async (kind) => {
      const shown = { none: undefined, expired, foreign }[kind];
      expect(await etcdctl(shown, "get", "a", ...QUICK)).toMatch(/tls|certificate|deadline/);
      expect((await served.store.range({ key: Buffer.from("a") })).count).toBe(1);
    },
  );

  test("the name of a certificate is a user once authentication is on", async () => {
    await etcdctl(client, "user", "add", "root:root");
    await etcdctl(client, "user", "grant-role", "root", "root");
    await etcdctl(client, "user", "add", "alice", "--no-password");
    await etcdctl(client, "role", "add", "reader");
    await etcdctl(client, "role", "grant-permission", "reader", "read", "a");
    await etcdctl(client, "user", "grant-role", "alice", "reader");
    await etcdctl(client, "auth", "enable");
    expect(await etcdctl(client, "get", "a")).toBe("a\n1\n");
    expect(await etcdctl(client, "put", "a", "2")).toContain("etcdserver: permission denied");
    expect(await etcdctl(client, "put", "a", "2", "--user=root:root")).toBe("OK\n");
    expect(await etcdctl(server, "get", "a")).toContain("etcdserver: permission denied");
  });

  test.for([["h2"], ["http/1.1"]])("the gateway and the pages are served over %s too", async (protocols) => {
    const args = ["-s", "--cacert", authority.certFile, "--cert", client.certFile, "--key", client.keyFile];
    if (protocols[0] === "http/1.1") args.push("--http1.1");
    const { stdout } = await run("curl", [...args, `${served.endpoint}/version`]);
    expect(JSON.parse(stdout)).toEqual({ etcdserver: "3.4.23", etcdcluster: "3.4.0" });
    const body = ["-d", JSON.stringify({ key: Buffer.from("a").toString("base64") })];
    const range = await run("curl", [...args, ...body, `${served.endpoint}/v3/kv/range`]);
    // Its certificate is not passed on by the gateway: who uses it shows a token.
    expect(JSON.parse(range.stdout)).toMatchObject({ message: "etcdserver: user name is empty", code: 3 });
  });

  test("without client certificates, anybody who trusts the authority is served", async () => {
    const open = await serve(false);
    try {
      const answer = await new Promise<string>((resolve, reject) => {
        const call = request(`${open.endpoint}/health`, { ca: authority.cert }, (response) =>
          resolve(text(response)),
        );
        call.on("error", reject).end();
      });
      expect(answer).toBe('{"health":"true"}');
    } finally {
      await end(open);
    }
  });
});
