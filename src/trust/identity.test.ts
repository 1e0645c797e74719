import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Authority } from "#model/trust-records.ts";
import { type Believed, identityUri, judgeCertificate, readIdentity } from "./identity.ts";
import { LIFETIMES, machineProfile, personProfile } from "./profiles.ts";
import { newAuthority, newKey, signCertificate } from "./signing.ts";

const CLUSTER = "c".repeat(32);
const MACHINE = "a".repeat(32);
const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;

let machines: Authority;
let people: Authority;
let others: Authority;
let key: string;

beforeAll(() => {
  machines = newAuthority("machines", NOW);
  people = newAuthority("people", NOW);
  others = newAuthority("machines", NOW);
  key = newKey();
});

async function machine(changes: { signer?: Authority; clusterId?: string; nowMs?: number } = {}) {
  const { signer = machines, clusterId = CLUSTER, nowMs = NOW } = changes;
  const profile = machineProfile({ clusterId, id: MACHINE, name: "m1" }, ["10.0.0.1", "m1.lan"], nowMs);
  return new X509Certificate(signCertificate(signer, key, profile));
}

async function person(signer = people, role: "admin" | "viewer" = "viewer") {
  const profile = personProfile({ clusterId: CLUSTER, name: "alice@work", role }, NOW);
  return new X509Certificate(signCertificate(signer, key, profile));
}

function believed(changes: Partial<Believed> = {}): Believed {
  return {
    clusterId: CLUSTER,
    machines: new X509Certificate(machines.certificate),
    people: new X509Certificate(people.certificate),
    nowMs: NOW,
    isRevoked: () => false,
    ...changes,
  };
}

describe("a certificate that is good", () => {
  test("proves a machine by its ID, and names it", async () => {
    expect(judgeCertificate(await machine(), believed())).toEqual({
      kind: "machine",
      clusterId: CLUSTER,
      id: MACHINE,
      name: "m1",
    });
  });

  test("proves a person and the role", async () => {
    expect(judgeCertificate(await person(), believed())).toEqual({
      kind: "person",
      clusterId: CLUSTER,
      name: "alice@work",
      role: "viewer",
    });
  });

  test("has the machine's addresses and names, and those by which it reaches itself", async () => {
    const { subjectAltName } = await machine();
    for (const name of ["IP Address:10.0.0.1", "DNS:m1.lan", "DNS:localhost", "IP Address:127.0.0.1"])
      expect(subjectAltName).toContain(name);
  });
});

describe("a certificate is refused, each for its own reason", () => {
  test.for([
    ["of another cluster", { clusterId: "d".repeat(32) }, {}, /of machine m1 is of another cluster/],
    ["by nobody who is trusted", "others", {}, /signed by nobody this cluster trusts/],
    ["that has expired", {}, { nowMs: NOW + LIFETIMES.machineMs + DAY }, /has expired: it ended 2027-02-21/],
    [
      "that is not yet valid",
      {},
      { nowMs: NOW - DAY },
      /not yet valid: it begins 2026-11-22T23:55.*here it is 2026-11-22T00/,
    ],
    ["of a machine that was removed", {}, { isRevoked: (id: string) => id === MACHINE }, /m1 was removed/],
  ] as const)("one %s", async ([, made, judged, says]) => {
    const certificate = await machine(made === "others" ? { signer: others } : made);
    expect(() => judgeCertificate(certificate, believed(judged))).toThrow(says);
  });

  test("a person's where only machines are let in", async () => {
    const { people: _, ...machinesOnly } = believed();
    const certificate = await person();
    expect(() => judgeCertificate(certificate, machinesOnly)).toThrow(
      /of a person \(alice@work\) does not open/,
    );
  });

  test("one that calls itself a machine, by the people's authority, and the other way round", async () => {
    const fake = await machine({ signer: people });
    expect(() => judgeCertificate(fake, believed())).toThrow(/signed by nobody/);
    const promoted = await person(machines, "admin");
    expect(() => judgeCertificate(promoted, believed())).toThrow(/signed by nobody/);
  });

  test("an authority's own, and any that is not Flotilla's", async () => {
    expect(() => judgeCertificate(new X509Certificate(machines.certificate), believed())).toThrow(
      /not one of a Flotilla/,
    );
  });

  test("with a code that says whether to identify oneself or to give up", async () => {
    const certificate = await machine();
    const codeOf = (changes: Partial<Believed>): unknown => {
      try {
        return judgeCertificate(certificate, believed(changes));
      } catch (error) {
        return error instanceof Error && "code" in error ? error.code : error;
      }
    };
    expect(codeOf({ nowMs: NOW - DAY })).toBe("not-authenticated");
    expect(codeOf({ isRevoked: () => true })).toBe("not-permitted");
  });
});

test("five minutes of difference between clocks do no harm", async () => {
  const certificate = await machine();
  expect(judgeCertificate(certificate, believed({ nowMs: NOW - 4 * 60_000 }))).toMatchObject({ name: "m1" });
});

test("a host's name cannot smuggle in another identity", () => {
  const bad = ["x, URI:flotilla://c/person/root?role=admin", "a b", "", 'x"', "a/b", "ü"];
  for (const host of bad)
    expect(() => machineProfile({ clusterId: CLUSTER, id: MACHINE, name: "m1" }, [host], NOW)).toThrow(
      /neither an address nor a host's name/,
    );
});

test("what a certificate says comes back, whatever the name and role", async () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9@._-]{0,20}$/);
  const role = fc.constantFrom("admin", "operator", "viewer" as const);
  await fc.assert(
    fc.asyncProperty(name, role, async (given, as) => {
      const identity = { clusterId: CLUSTER, name: given, role: as };
      const pem = signCertificate(people, key, personProfile(identity, NOW));
      expect(readIdentity(new X509Certificate(pem))).toEqual({ kind: "person", ...identity });
    }),
    { numRuns: 20 },
  );
});

test("the URI of an identity is the one that is documented", () => {
  const where = { clusterId: "c1" };
  expect(identityUri({ kind: "machine", ...where, id: MACHINE, name: "m1" })).toBe(
    `flotilla://c1/machine/${MACHINE}`,
  );
  expect(identityUri({ kind: "person", ...where, name: "bob", role: "admin" })).toBe(
    "flotilla://c1/person/bob?role=admin",
  );
});
