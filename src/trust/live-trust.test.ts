import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LiveTrust } from "./live-trust.ts";
import { machineProfile } from "./profiles.ts";
import { newAuthority, newKey, signCertificate } from "./signing.ts";
import { readTrust, writeTrust } from "./trust-directory.ts";

const NOW = Date.UTC(2026, 10, 23);
const DAY_MS = 86_400_000;
const CLUSTER = "c".repeat(32);
const authority = newAuthority("Flotilla machines", NOW);
const key = newKey();

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-trust-"));
  nowMs = NOW;
  await writeTrust(directory, {
    machinesCa: authority.certificate,
    peopleCa: authority.certificate,
    certificate: madeAt(NOW),
    key,
    cluster: {
      ...{ format: 1, clusterId: CLUSTER, clusterName: "prod", name: "m1", address: "10.0.0.1" },
      ...{ store: [], apis: [] },
    },
  });
});
afterEach(() => rm(directory, { recursive: true }));

function madeAt(atMs: number): string {
  const profile = machineProfile({ clusterId: CLUSTER, id: "a".repeat(32), name: "m1" }, [], atMs);
  return signCertificate(authority, key, profile);
}

/** As a daemon that is started now has it. */
async function live(): Promise<LiveTrust> {
  const trust = await readTrust(directory);
  if (trust === undefined) throw new Error("nothing was written");
  return new LiveTrust({ trust, clock: { now: () => nowMs } });
}

describe("a certificate that was renewed while the clock was ahead", () => {
  test("stays while the clock does", async () => {
    const trust = await live();
    const first = trust.current.certificate;
    nowMs = NOW + 70 * DAY_MS;
    await trust.renew(madeAt(nowMs));
    expect(await trust.takeBack()).toBe(false);
    expect(trust.current.certificate).not.toBe(first);
  });

  test.each(["the same daemon", "the next one"])("gives way to the one before it, in %s", async (which) => {
    const before = await live();
    const first = before.current.certificate;
    await before.renew(madeAt(NOW + 70 * DAY_MS));
    const trust = which === "the same daemon" ? before : await live();
    let told = 0;
    trust.onRenewed(() => (told += 1));
    expect(await trust.takeBack()).toBe(true);
    expect([trust.current.certificate, told]).toEqual([first, 1]);
    expect(await readFile(trust.current.paths.certFile, "utf8")).toBe(first);
    expect(await trust.takeBack()).toBe(false);
  });

  test("stays where the one before it is over", async () => {
    const trust = await live();
    await trust.renew(madeAt(NOW + 200 * DAY_MS));
    nowMs = NOW + 100 * DAY_MS;
    expect(await trust.takeBack()).toBe(false);
  });
});

test("a certificate that was never renewed is not taken back, whatever the clock says", async () => {
  const trust = await live();
  nowMs = NOW - 40 * DAY_MS;
  expect(await trust.takeBack()).toBe(false);
});
