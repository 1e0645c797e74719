/** The life of a cluster with certificates: made, joined, renewed, made an etcd, left. */
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { keys } from "#model/keys.ts";
import { trustRecordSchema } from "#model/trust-records.ts";
import { connectStore } from "#store/etcd/client.ts";
import { toBytes, toText } from "#store/keys.ts";
import { StoreError } from "#store/store.ts";
import { personProfile } from "#trust/profiles.ts";
import { newKey, signCertificate } from "#trust/signing.ts";
import { readTrust } from "#trust/trust-directory.ts";
import { Machines, until } from "./machines.ts";

const PATIENCE_MS = 60_000;
/** So short that a certificate is due for renewal at once: five minutes of it are in the past already. */
const SHORT = { machineMs: 8_000, personMs: 60_000 };

let machines: Machines;
beforeAll(async () => {
  machines = await Machines.make();
  expect(await machines.init("m1")).toMatchObject({ exitCode: 0 });
  await machines.up("m1");
}, PATIENCE_MS);
afterAll(() => machines.stop(), PATIENCE_MS);

describe("a cluster of three", { timeout: PATIENCE_MS }, () => {
  test("is joined by one command a machine, and each is placed on", async () => {
    const token = await machines.token(2);
    for (const name of ["m2", "m3"]) {
      const said = await machines.join(name, token);
      expect(said).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`${name} at`) });
      await machines.up(name);
    }
    await machines.listed(["m1", "m2", "m3"]);
    const { machines: rows } = await machines.client("m3").machines();
    expect(rows.every(({ api }) => api.startsWith("https://"))).toBe(true);
  });

  test("keeps the authorities' keys in the store only", async () => {
    for (const name of ["m1", "m2", "m3"]) {
      const files = await readdir(join(machines.directory(name), "trust"));
      // The list of the revoked comes when the daemon has heard of it, under a name for the time being at first.
      expect(files.filter((file) => !file.startsWith("revoked.crl")).sort()).toEqual(
        ["cluster.json", "machine.crt", "machine.key", "machines-ca.crt", "people-ca.crt"].sort(),
      );
    }
  });

  test("runs units on every machine", async () => {
    const text = "[Service]\nExecStart=/bin/sleep 600\n[X-Fleet]\nGlobal=true\n";
    await machines
      .client("m2")
      .submit({ units: [{ unit: "everywhere.service", text }], desired: "launched" });
    await until(async () => {
      const { units } = await machines.client("m1").units();
      return units.filter(({ active }) => active === "active").length === 3;
    });
  });

  test("lets nobody at the store but machines: not in plain text, not without a certificate, not a person", async () => {
    const trust = await readTrust(machines.directory("m1"));
    if (trust === undefined) throw new Error("m1 has no trust");
    const means = { clock: systemClock, random: systemRandom, callTimeoutMs: 2_000 };
    const where = `${machines.address("m1")}:7401`;
    const asMachine = connectStore({ ...means, endpoints: [`https://${where}`], tls: trust.paths });
    const [kv] = (await asMachine.range({ key: toBytes(keys.trust()) })).kvs;
    await asMachine.close();
    const { people } = trustRecordSchema.parse(JSON.parse(toText(kv?.value ?? new Uint8Array())));
    const person = { clusterId: trust.cluster.clusterId, name: "eve", role: "admin" as const };
    const key = newKey();
    const [certFile, keyFile] = [join(machines.root, "eve.crt"), join(machines.root, "eve.key")];
    await writeFile(certFile, signCertificate(people, key, personProfile(person, Date.now())));
    await writeFile(keyFile, key);
    const { caFile } = trust.paths;
    const ways = [
      { endpoints: [`http://${where}`] },
      { endpoints: [`https://${where}`], tls: { caFile } },
      { endpoints: [`https://${where}`], tls: { caFile, certFile, keyFile } },
    ];
    for (const way of ways) {
      const store = connectStore({ ...means, ...way });
      await expect(store.range({ key: toBytes("a") })).rejects.toBeInstanceOf(StoreError);
      await store.close();
    }
    const asPerson = connectStore({
      ...means,
      endpoints: [`https://${where}`],
      tls: { caFile, certFile, keyFile },
    });
    await expect(asPerson.range({ key: toBytes("a") })).rejects.toThrow(/of a person \(eve\)/);
    await asPerson.close();
  });

  test("renews a certificate without a restart, and serves the new one", async () => {
    await machines.down("m3");
    const before = (await readTrust(machines.directory("m3")))?.certificate ?? "";
    await writeShort("m3");
    await machines.up("m3", { ...SHORT, machineMs: 3_600_000 });
    await machines.listed(["m1", "m2", "m3"]);
    await until(async () => {
      const now = (await readTrust(machines.directory("m3")))?.certificate ?? "";
      return now !== before && new X509Certificate(now).validToDate.getTime() > Date.now() + 1_800_000;
    });
    const served = await shownBy("m3");
    const kept = new X509Certificate((await readTrust(machines.directory("m3")))?.certificate ?? "");
    expect(served).toBe(kept.fingerprint256);
    expect((await machines.client("m1").machines()).machines).toHaveLength(3);
  });

  test("does not take a copy of a machine for the machine", async () => {
    await machines.down("m3");
    await cp(machines.directory("m3"), machines.directory("m7"), {
      recursive: true,
      filter: (path) => !path.includes("/run"),
    });
    await rm(join(machines.directory("m7"), "lock"), { force: true });
    await machines.up("m3");
    await machines.listed(["m1", "m2", "m3"]);
    const path = join(machines.directory("m7"), "trust", "cluster.json");
    const cluster = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...cluster, address: machines.address("m7"), name: "m7" }));
    await machines.up("m7");
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    const { machines: rows } = await machines.client("m1").machines();
    expect(rows.map(({ name }) => name).sort()).toEqual(["m1", "m2", "m3"]);
    await machines.down("m7");
  });

  test("becomes an etcd of three members that show and want the machines' certificates", async () => {
    for (const args of [["promote"], ["add", "m2"], ["add", "m3"]]) {
      const said = await machines.flotilla("m1", "store", ...args);
      expect(said).toMatchObject({ exitCode: 0 });
    }
    await until(async () => (await machines.client("m2").store()).access.endpoints.length === 3);
    const status = await machines.client("m2").store();
    expect(status.access.endpoints.every((url) => url.startsWith("https://"))).toBe(true);
    expect(status).toMatchObject({ kind: "etcd", quorum: { voters: 3, answering: 3 } });
  });

  test("is joined after that as well, at any machine", async () => {
    expect(await machines.join("m4", await machines.token(), "m2")).toMatchObject({ exitCode: 0 });
    await machines.up("m4");
    await machines.listed(["m1", "m2", "m3", "m4"], "m4");
  });

  test("does not let a member of its store leave, and says what to type first", async () => {
    const said = await machines.flotilla("m3", "leave", "--dir", machines.directory("m3"));
    expect(said).toMatchObject({ exitCode: 9, stderr: expect.stringContaining("flotilla store remove m3") });
    expect(await machines.flotilla("m1", "store", "remove", "m3")).toMatchObject({ exitCode: 0 });
  });

  test("is left: units end, the certificate is refused, the directory is put aside", async () => {
    const said = await machines.flotilla("m3", "leave", "--now", "--dir", machines.directory("m3"));
    expect(said).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("has left cluster prod") });
    await machines.listed(["m1", "m2", "m4"]);
    expect(machines.endings.get("m3")).toEqual({ kind: "left" });
    expect(await readTrust(machines.directory("m3"))).toBeUndefined();
    const join = await machines.join("m3", await machines.token());
    expect(join).toMatchObject({ exitCode: 0 });
  });

  test("removes a machine: one that is present only by force, and its daemon then ends by itself", async () => {
    expect(await machines.flotilla("m1", "machine", "remove", "m4")).toMatchObject({ exitCode: 9 });
    expect(await machines.flotilla("m1", "machine", "remove", "m4", "--force")).toMatchObject({
      exitCode: 0,
    });
    await until(async () => machines.endings.has("m4"));
    expect(machines.endings.get("m4")).toMatchObject({
      kind: "removed",
      why: {
        message: "machine m4 was removed from the cluster",
        hint: expect.stringContaining("flotilla leave"),
      },
    });
    const api = `https://${machines.address("m1")}:7400/v1/machines`;
    const trust = join(machines.directory("m4"), "trust");
    const files = [
      "--cert",
      `${trust}/machine.crt`,
      "--key",
      `${trust}/machine.key`,
      "--cacert",
      `${trust}/machines-ca.crt`,
    ];
    const { stdout: answer } = await promisify(execFile)("curl", ["-s", ...files, api]);
    expect(JSON.parse(answer)).toMatchObject({ code: "not-permitted" });
  });

  test("refuses a removed machine at its etcd, and takes those that stay", async () => {
    const endpoints = ["m1", "m2"].map((name) => `https://${machines.address(name)}:7401`);
    const reads = async (name: string): Promise<boolean> => {
      const tls = (await readTrust(machines.directory(name)))?.paths;
      if (tls === undefined) throw new Error(`${name} has no trust`);
      const means = { clock: systemClock, random: systemRandom, callTimeoutMs: 2_000 };
      const answers = await Promise.all(
        endpoints.map(async (endpoint) => {
          const store = connectStore({ ...means, endpoints: [endpoint], tls });
          const [outcome] = await Promise.allSettled([store.range({ key: toBytes(keys.cluster()) })]);
          await store.close();
          return outcome.status === "fulfilled";
        }),
      );
      expect(new Set(answers).size).toBe(1);
      return answers[0] === true;
    };
    // Each machine with a member writes its list when it has heard of the removal.
    await until(async () => !(await reads("m4").catch(() => true)));
    expect(await reads("m1")).toBe(true);
    expect(await reads("m2")).toBe(true);
    // Etcd does not say why it closes the connection: a removed machine that comes up hears it from the others.
    machines.endings.delete("m4");
    await machines.up("m4");
    await until(async () => machines.endings.has("m4"));
    expect(machines.endings.get("m4")).toMatchObject({ kind: "removed" });
  });
});

/** Gives a machine whose daemon is stopped a certificate that is due for renewal soon. */
async function writeShort(name: string): Promise<void> {
  const trust = await readTrust(machines.directory(name));
  if (trust === undefined) throw new Error(`${name} has no trust`);
  const store = connectStore({
    ...{ clock: systemClock, random: systemRandom, tls: trust.paths },
    endpoints: [`https://${machines.address("m1")}:7401`],
  });
  const [kv] = (await store.range({ key: toBytes(keys.trust()) })).kvs;
  await store.close();
  const authorities = trustRecordSchema.parse(JSON.parse(toText(kv?.value ?? new Uint8Array())));
  const { machineProfile } = await import("#trust/profiles.ts");
  const id = (await readFile(join(machines.directory(name), "machine-id"), "utf8")).trim();
  const { clusterId } = trust.cluster;
  const profile = machineProfile({ clusterId, id, name }, [machines.address(name)], Date.now(), SHORT);
  await writeFile(trust.paths.certFile, signCertificate(authorities.machines, trust.key, profile));
}

/** Fingerprint of the certificate that the machine's API shows. */
async function shownBy(name: string): Promise<string> {
  const { connect } = await import("node:tls");
  const socket = connect({ host: machines.address(name), port: 7400, rejectUnauthorized: false });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256 ?? "";
  socket.destroy();
  return fingerprint;
}
