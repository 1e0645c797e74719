/** The API over real TLS: who is let in, who is not, and what each is told. */
import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAskPeer } from "#api/peer.ts";
import { FlotillaError } from "#base/errors.ts";
import { FlotillaClient } from "#client/client.ts";
import type { Credentials } from "#client/endpoint.ts";
import { keys } from "#model/keys.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import { LIFETIMES } from "#trust/profiles.ts";
import { newKey, newRequest } from "#trust/signing.ts";
import { M1, M2, SERVICE, TestCluster } from "./served-cluster.ts";
import { makeToken, TestTrust } from "./trust.ts";

const DAY_MS = 86_400_000;
const OWN = { unit: "a.service", text: SERVICE };

let ours: TestTrust;
let others: TestTrust;
let cluster: TestCluster;
let served: Awaited<ReturnType<TestCluster["serve"]>>;
beforeAll(async () => {
  [ours, others] = [TestTrust.make("ours"), TestTrust.make("others")];
  const live = ours.live(await ours.machine(M1, "m1"));
  cluster = await TestCluster.start({
    access: { kind: "checked", judge: (certificate) => live.judge(certificate, "machines and people") },
  });
  served = await cluster.serve(live.serverTls("machines and people"));
});
afterAll(() => cluster.close());

function client(credentials: Credentials = {}, endpoint = served.http): FlotillaClient {
  return new FlotillaClient({ endpoint, credentials: { ca: ours.machines.certificate, ...credentials } });
}

async function refusal(asked: Promise<unknown>): Promise<FlotillaError> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FlotillaError) return error;
  throw new Error("it was not refused", { cause: error });
}

describe("a caller with a certificate", () => {
  test("of a person of the cluster may do what its role says", async () => {
    const viewer = client(await ours.person("vera", "viewer"));
    expect((await viewer.cluster()).self).toBe(M1);
    const error = await refusal(viewer.submit({ units: [OWN] }));
    expect(error).toMatchObject({ code: "not-permitted", kind: { exit: 10, http: 403 } });
    expect(error.message).toBe("this needs the role operator, and vera is a viewer");
    expect(error.hint).toContain("flotilla token create --role operator");
    const operator = client(await ours.person("otto", "operator"));
    const [result] = await operator.submit({ units: [OWN] });
    expect(result?.error).toBeNull();
  });

  test("of a machine reads, and changes nothing by itself", async () => {
    const machine = client(await ours.machine(M2, "m2"));
    expect((await machine.units()).units).toEqual([]);
    expect((await refusal(machine.change("stop", ["a.service"]))).message).toContain("m2 is a viewer");
  });

  test.each<[string, () => Promise<Credentials>, RegExp]>([
    ["of another cluster", () => others.person("eve", "admin"), /person eve is of another cluster/],
    [
      "that another signed in this cluster's name",
      () => ours.person("eve", "admin", { signer: others.people }),
      /signed by nobody this cluster trusts/,
    ],
    [
      "of a person that the machines' authority signed",
      () => ours.person("eve", "admin", { signer: ours.machines }),
      /signed by nobody this cluster trusts/,
    ],
    [
      "that has expired",
      () => ours.person("eve", "admin", { nowMs: Date.now() - 400 * DAY_MS }),
      /person eve has expired/,
    ],
    [
      "that is not valid yet",
      () => ours.person("eve", "admin", { nowMs: Date.now() + DAY_MS }),
      /person eve is not yet valid/,
    ],
    ["of a machine of another cluster", () => others.machine(M2, "m2"), /machine m2 is of another cluster/],
  ])("%s is told so", async (_, pair, told) => {
    const error = await refusal(client(await pair()).cluster());
    expect(error).toMatchObject({ code: "not-authenticated", kind: { exit: 10, http: 401 } });
    expect(error.message).toMatch(told);
    expect(error.hint).not.toBe("");
  });

  test("of a machine that was removed is told so", async () => {
    const removed = "e".repeat(32);
    const machine = client(await ours.machine(removed, "gone"));
    await machine.cluster();
    ours.revoked.add(removed);
    expect((await refusal(machine.cluster())).message).toBe("machine gone was removed from the cluster");
  });

  test("that was taken back is told so, and nobody gets another of that name", async () => {
    const admin = client(await ours.person("ada", "admin"));
    const carol = client(await ours.person("carol", "operator"));
    await carol.cluster();
    await admin.revokePerson("carol");
    expect((await refusal(carol.cluster())).message).toBe("the certificates of carol were taken back");
    const again = admin.createPerson({
      name: "carol",
      role: "viewer",
      request: newRequest(newKey()),
    });
    expect((await refusal(again)).code).toBe("conflict");
    expect((await refusal(carol.revokePerson("ada"))).code).toBe("not-authenticated");
  });

  test("that an admin has just had made is let in with its role", async () => {
    await cluster.write(
      putJson(keys.trust(), { machines: ours.machines, people: ours.people }),
      putJson(keys.cluster(), { id: "ours", name: "prod", createdMs: 1 }),
    );
    const admin = client(await ours.person("ada", "admin"));
    const key = newKey();
    const request = {
      name: "dave",
      role: "operator",
      request: newRequest(key),
      ttlMs: 60_000,
    } as const;
    const made = await admin.createPerson(request);
    expect(made).toMatchObject({ name: "dave", clusterName: "prod", machinesCa: ours.machines.certificate });
    expect(Math.abs(made.expiresMs - Date.now() - 60_000)).toBeLessThan(10_000);
    const dave = client({ cert: made.certificate, key });
    expect(await dave.whoami()).toEqual({ caller: "dave", role: "operator" });
    expect((await refusal(dave.createPerson({ ...request, role: "admin" }))).code).toBe("not-permitted");
  });

  test("is judged by it, whatever token comes along", async () => {
    const token = makeToken("admin");
    await cluster.write(token.write);
    const error = await refusal(
      client({ ...(await others.person("eve", "viewer")), token: token.text }).cluster(),
    );
    expect(error.message).toContain("of another cluster");
  });
});

describe("a caller without one", () => {
  test("is told how to come in, and learns the version and the health only", async () => {
    const error = await refusal(client().cluster());
    expect(error).toMatchObject({ code: "not-authenticated", message: "the API wants to know who asks" });
    expect(error.hint).toContain("flotilla context add NAME ADDRESS --token TOKEN");
    expect((await client().version()).api).toBe("v1");
    await client().health();
  });

  test.each(["viewer", "operator", "admin"] as const)("is a %s by a token", async (role) => {
    const token = makeToken(role);
    await cluster.write(token.write);
    const holder = client({ token: token.text });
    await holder.cluster();
    const changed = holder.submit({ units: [OWN] });
    if (role === "viewer") expect((await refusal(changed)).message).toContain("viewer-token is a viewer");
    else expect((await changed)[0]?.error).toBeNull();
    const defrag = holder.changeStore("defrag", {}).next();
    if (role === "admin") expect((await refusal(defrag)).code).not.toBe("not-permitted");
    else expect((await refusal(defrag)).code).toBe("not-permitted");
  });

  test("whose token was revoked, is unknown or has another secret is told the same", async () => {
    const [known, unknown, revoked] = [makeToken("admin"), makeToken("admin"), makeToken("admin")];
    await cluster.write(known.write);
    await cluster.write(revoked.write);
    await client({ token: revoked.text }).cluster();
    await cluster.write(deleteKey(keys.token(revoked.id)));
    const wrong = known.text.replace(/_[0-9a-z]{32}_/, `_${"0".repeat(32)}_`);
    const told = await Promise.all(
      [wrong, unknown.text, revoked.text].map(async (token) => {
        const [, id = ""] = token.split("_");
        const error = await refusal(client({ token }).cluster());
        return JSON.stringify(error).replaceAll(id, "ID");
      }),
    );
    expect(new Set(told).size).toBe(1);
    expect(told[0]).toContain("not-authenticated");
    expect(told[0]).not.toContain("0".repeat(32));
  });

  test.each<[string, Parameters<typeof makeToken>, RegExp]>([
    ["has expired", ["viewer", { expiresMs: 1 }], /has expired/],
    ["is used up", ["viewer", { usesLeft: 0 }], /used as often as it may be/],
    ["is one to join with", ["machine"], /one for a machine to join with/],
  ])("whose token %s is told so", async (_, [role, changes], told) => {
    const token = makeToken(role, changes);
    await cluster.write(token.write);
    const error = await refusal(client({ token: token.text }).cluster());
    expect(error.code).toBe("not-authenticated");
    expect(error.message).toMatch(told);
  });

  test("whose token is none is told so without the text of it", async () => {
    const error = await refusal(client({ token: "hunter2" }).cluster());
    expect(error).toMatchObject({ code: "not-authenticated", message: "this is not a token" });
    expect(JSON.stringify(error)).not.toContain("hunter2");
  });
});

/** A request with headers of one's own. */
async function get(path: string, headers: Record<string, string>, credentials: Credentials): Promise<number> {
  const { request } = await import("node:https");
  const sent = request(`${served.http}${path}`, {
    ...credentials,
    ca: ours.machines.certificate,
    headers,
    agent: false,
    method: "POST",
  });
  sent.end("{}");
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.resume();
  return Number(answer.statusCode);
}

describe("the header of a request that was passed on", () => {
  const admin = encodeURIComponent(JSON.stringify({ kind: "local" }));
  const path = "/v1/store/promote";
  const headers = { "flotilla-forwarded": admin, "content-type": "application/json" };

  test("is believed from a machine", async () => {
    expect(await get(path, headers, await ours.machine(M2, "m2"))).toBe(200);
  });

  test.each(["viewer", "operator"] as const)("is not believed from a %s", async (role) => {
    expect(await get(path, headers, await ours.person("eve", role))).toBe(403);
  });

  test("is not believed from nobody, nor from a machine of another cluster", async () => {
    expect(await get(path, headers, {})).toBe(401);
    expect(await get(path, headers, await others.machine(M2, "m2"))).toBe(401);
  });

  test.each(["nonsense", "%7B%22kind%22%3A%22nobody%22%7D", "%7B%22kind%22%3A%22unchecked%22%7D", "1"])(
    "gives nothing where it names nobody: %s",
    async (value) => {
      const machine = await ours.machine(M2, "m2");
      expect(await get(path, { ...headers, "flotilla-forwarded": value }, machine)).toBe(401);
    },
  );

  test("gives no more than the caller has that it names", async () => {
    const viewer = JSON.stringify({ kind: "person", name: "vera", role: "viewer", by: "token" });
    const passedOn = { ...headers, "flotilla-forwarded": encodeURIComponent(viewer) };
    expect(await get(path, passedOn, await ours.machine(M2, "m2"))).toBe(403);
  });
});

describe("a machine that asks another", () => {
  const ask = async (asker: TestTrust, pair: Credentials, machine: string): Promise<number> => {
    const tls = {
      cert: pair.cert ?? "",
      key: pair.key ?? "",
      ca: [asker.machines.certificate],
      clusterId: asker.clusterId,
    };
    const askPeer = createAskPeer(() => tls);
    const options = { machine, headers: {}, signal: AbortSignal.timeout(5_000) };
    return (await askPeer(`${served.http}/v1/cluster`, options)).status;
  };

  test("is known by its certificate", async () => {
    expect(await ask(ours, await ours.machine(M2, "m2"), M1)).toBe(200);
  });

  test("believes no machine but the one it means", async () => {
    await expect(ask(ours, await ours.machine(M2, "m2"), M2)).rejects.toThrow(
      "another than machine 12222222",
    );
  });

  test("gives up on one that says nothing, as one does that has lost its power", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const askPeer = createAskPeer(() => undefined, 50);
    const options = { machine: M1, headers: {}, signal: AbortSignal.timeout(30_000) };
    await expect(askPeer(`https://127.0.0.1:${port}/v1/cluster`, options)).rejects.toThrow(
      "no connection within 0.05 s",
    );
    silent.close();
  });

  test("believes no machine of another cluster", async () => {
    await expect(ask(others, await others.machine(M2, "m2"), M1)).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/),
    });
  });
});

describe("a client", () => {
  test("believes no machine of another cluster, and sends it nothing", async () => {
    const error = await refusal(client({ ca: others.machines.certificate, token: "secret" }).cluster());
    expect(error.code).toBe("not-authenticated");
    expect(error.causes).toEqual(["its certificate is signed by nobody known here"]);
  });

  test("believes a machine at whatever address it is reached by", async () => {
    const { version } = await client({}, `https://localhost:${served.port}`).version();
    const named = await ours.machine(M1, "m1", Date.now(), ["10.0.0.1"]);
    const other = await cluster.serve(ours.live(named).serverTls("machines and people"));
    const again = await client({}, `https://localhost:${other.port}`).version();
    expect(again.version).toBe(version);
  });

  test("that speaks plain HTTP to the port is told to use TLS", async () => {
    const error = await refusal(client({}, `http://127.0.0.1:${served.port}`).version());
    expect(error).toMatchObject({ code: "bad-request", message: "this port speaks TLS only" });
    expect(error.hint).toBe("begin the address with https://");
  });

  test("that sends a large request in plain HTTP reads the answer, too", async () => {
    const sent = plainRequest({ port: served.port, method: "POST", path: "/v1/units", agent: false });
    sent.write(Buffer.alloc(200_000, "x"));
    sent.on("error", () => undefined);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    expect(await text(answer)).toContain("this port speaks TLS only");
    sent.destroy();
  });

  test("that speaks TLS to a plain port is told what to do", async () => {
    const open = await TestCluster.start();
    const { port } = await open.serve();
    const error = await refusal(client({}, `https://127.0.0.1:${port}`).version());
    await open.close();
    expect(error).toMatchObject({ code: "unreachable", causes: ["the port speaks no TLS"] });
    expect(error.hint).toContain("http://");
  });

  test("asks the next endpoint where nothing listens at the first", async () => {
    const { version } = await client({}, `https://127.0.0.1:1,${served.http}`).version();
    expect(version).toBe("0.0.0-test");
  });
});

describe("the server", () => {
  test("shows a renewed certificate from the next connection on, and goes on with the others", async () => {
    const before = ours.live(await ours.machine(M1, "before"));
    const here = await cluster.serve(before.serverTls("machines and people"));
    const shown = async (): Promise<{ name: string; socket: ReturnType<typeof connectTls> }> => {
      const socket = connectTls({ port: here.port, ca: ours.machines.certificate, servername: "localhost" });
      await once(socket, "secureConnect");
      return { name: String(socket.getPeerCertificate().subject.CN), socket };
    };
    const first = await shown();
    expect(first.name).toBe("before");
    here.renew(ours.live(await ours.machine(M1, "after")).serverTls("machines and people"));
    const second = await shown();
    expect(second.name).toBe("after");
    first.socket.write("GET /v1/version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await text(first.socket)).toContain('"api":"v1"');
    second.socket.destroy();
  });

  test("shows its authority, too, by which whoever joins knows the cluster", async () => {
    const socket = connectTls({ port: served.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { issuerCertificate } = socket.getPeerCertificate(true);
    expect(issuerCertificate.subject.CN).toBe("ours machines");
    socket.destroy();
  });

  test("hangs up on what is neither TLS nor HTTP, and ends with peers that have said nothing", async () => {
    const here = await TestCluster.start();
    const live = ours.live(await ours.machine(M1, "m1"));
    const { port } = await here.serve(live.serverTls("machines and people"));
    const [noise, silent] = [connect(port), connect(port)];
    for (const socket of [noise, silent]) socket.on("error", () => undefined);
    await Promise.all([once(noise, "connect"), once(silent, "connect")]);
    const closed = (socket: Socket): Promise<void> =>
      new Promise((done) => socket.once("close", () => done()));
    const ended = Promise.all([closed(noise), closed(silent)]);
    noise.end(Buffer.from([0x16, 0xff, 0xff, 1, 2, 3]));
    noise.resume();
    silent.resume();
    await here.close();
    await ended;
    expect([noise.destroyed, silent.destroyed]).toEqual([true, true]);
  });

  test("asks nobody who they are on the unix socket", async () => {
    const local = new FlotillaClient({ endpoint: served.unix });
    expect((await local.submit({ units: [OWN] }))[0]?.error).toBeNull();
  });
});

test("certificates of people are good for a year", () => {
  expect(LIFETIMES.personMs / DAY_MS).toBe(365);
});
