import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { machineProfile } from "./profiles.ts";
import { newAuthority, newKey, signCertificate } from "./signing.ts";
import {
  readTrust,
  removeAuthorities,
  type TrustFiles,
  writeCertificate,
  writeTrust,
} from "./trust-directory.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-trust-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function files(): Promise<TrustFiles> {
  const authority = newAuthority("a", 0);
  const key = newKey();
  const profile = machineProfile({ clusterId: "c", id: "a".repeat(32), name: "m" }, [], 0);
  return {
    machinesCa: authority.certificate,
    peopleCa: authority.certificate,
    certificate: signCertificate(authority, key, profile),
    key,
    cluster: { format: 1, clusterId: "c", clusterName: "n", name: "m", address: "::1", store: [], apis: [] },
    authorities: "{}",
  };
}

describe("the directory of a machine's trust", () => {
  test("is read as it was written, and only its owner may", async () => {
    const written = await files();
    await writeTrust(directory, written);
    expect(await readTrust(directory)).toMatchObject(written);
    const path = join(directory, "trust");
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(path)) expect((await stat(join(path, name))).mode & 0o077).toBe(0);
  });

  test("is not there on a machine of no cluster", async () => {
    expect(await readTrust(directory)).toBeUndefined();
  });

  test("is not read half: what an interrupted one has left counts for nothing and is replaced", async () => {
    await mkdir(join(directory, "trust.new"));
    await writeFile(join(directory, "trust.new", "machine.key"), "half");
    expect(await readTrust(directory)).toBeUndefined();
    await writeTrust(directory, await files());
    expect(await readdir(directory)).toEqual(["trust"]);
  });

  test("is not written over one that is there", async () => {
    const written = await files();
    await writeTrust(directory, written);
    await expect(writeTrust(directory, { ...written, key: "another" })).rejects.toMatchObject({
      code: "conflict",
    });
    expect((await readTrust(directory))?.key).toBe(written.key);
    expect(await readdir(directory)).toEqual(["trust"]);
  });

  test.for(["machine.crt", "machines-ca.crt", "people-ca.crt", "cluster.json"])(
    "says which file is damaged: %s",
    async (name) => {
      await writeTrust(directory, await files());
      await writeFile(join(directory, "trust", name), "rubbish");
      await expect(readTrust(directory)).rejects.toThrow(`${name} is damaged`);
    },
  );

  test("says which file is missing", async () => {
    await writeTrust(directory, await files());
    await rm(join(directory, "trust", "machine.key"));
    await expect(readTrust(directory)).rejects.toThrow(/machine\.key cannot be read/);
  });

  test("forgets the authorities' keys once they are in the store, and takes a renewed certificate", async () => {
    const written = await files();
    await writeTrust(directory, written);
    const trust = await readTrust(directory);
    if (trust === undefined) throw new Error("nothing was written");
    await removeAuthorities(trust);
    await writeCertificate(trust, written.machinesCa);
    expect(await readTrust(directory)).toMatchObject({ certificate: written.machinesCa, key: written.key });
    expect(await readdir(trust.directory)).not.toContain("authorities.json");
  });

  test("that cannot be written leaves nothing", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(writeTrust(join(directory, "file", "below"), await files())).rejects.toMatchObject({
      code: "ENOTDIR",
    });
    await chmod(directory, 0o700);
    expect(await readdir(directory)).toEqual(["file"]);
  });
});

test("keys are private files of their own", async () => {
  await writeTrust(directory, await files());
  expect(await readFile(join(directory, "trust", "machine.key"), "utf8")).toContain("BEGIN PRIVATE KEY");
});
