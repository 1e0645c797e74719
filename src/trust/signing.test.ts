import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { machineProfile, personProfile } from "./profiles.ts";
import { renewalDueMs } from "./renewal.ts";
import { machineSerials } from "./serials.ts";
import {
  keyOfRequest,
  newAuthority,
  newKey,
  newRequest,
  signCertificate,
  signRevocations,
} from "./signing.ts";

const NOW = Date.UTC(2026, 10, 23);
const CLUSTER = "c".repeat(32);
const authority = newAuthority("Flotilla machines", NOW);
const key = newKey();

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-signing-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function machine(reached: readonly string[] = [], nowMs = NOW): string {
  const profile = machineProfile({ clusterId: CLUSTER, id: "a".repeat(32), name: "m1" }, reached, nowMs);
  return signCertificate(authority, key, profile);
}

function inFile(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function openssl(...args: readonly string[]): string {
  return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

describe("a list of certificates that are not to be believed any more", () => {
  const id = "f".repeat(32);

  function listed(serials: readonly Buffer[]): string {
    return openssl(
      "crl",
      "-noout",
      "-text",
      "-in",
      inFile("list.crl", signRevocations(authority, serials, NOW)),
    );
  }

  test("is the authority's to OpenSSL, and has the numbers of a machine's certificates of every day", () => {
    const made = machineProfile({ clusterId: CLUSTER, id, name: "m1" }, [], NOW - 40 * 86_400_000);
    const { serialNumber } = new X509Certificate(signCertificate(authority, key, made));
    const serials = machineSerials(id, NOW - 90 * 86_400_000, NOW);
    expect(listed(serials)).toContain(`Serial Number: ${serialNumber}`);
    const path = inFile("list.crl", signRevocations(authority, serials, NOW));
    const verified = openssl(
      "verify",
      "-attime",
      String(NOW / 1000),
      "-crl_check",
      "-CAfile",
      inFile("ca.crt", authority.certificate),
      "-CRLfile",
      path,
      inFile("m.crt", machine()),
    );
    expect(verified).toContain("OK");
    expect(() =>
      openssl(
        "verify",
        "-attime",
        String(NOW / 1000),
        "-crl_check",
        "-CAfile",
        inFile("ca.crt", authority.certificate),
        "-CRLfile",
        path,
        inFile("f.crt", signCertificate(authority, key, made)),
      ),
    ).toThrow(/certificate revoked/);
  });

  test("may be empty", () => {
    expect(listed([])).toContain("No Revoked Certificates");
  });
});

describe("a certificate", () => {
  test.for([
    ["server", "sslserver"],
    ["client", "sslclient"],
  ])("of a machine is a %s's to OpenSSL, also where it is strict about RFC 5280", ([, purpose = ""]) => {
    const ca = inFile("ca.crt", authority.certificate);
    const certificate = inFile("machine.crt", machine(["10.0.0.1"]));
    const at = ["-attime", String(NOW / 1000)];
    const verified = openssl(
      "verify",
      "-x509_strict",
      ...at,
      "-purpose",
      purpose,
      "-CAfile",
      ca,
      certificate,
    );
    expect(verified).toContain("OK");
  });

  test("of a person is no server's", () => {
    const ca = inFile("ca.crt", authority.certificate);
    const profile = personProfile({ clusterId: CLUSTER, name: "alice", role: "viewer" }, NOW);
    const certificate = inFile("person.crt", signCertificate(authority, key, profile));
    const verify = (purpose: string): string =>
      openssl("verify", "-x509_strict", "-no_check_time", "-purpose", purpose, "-CAfile", ca, certificate);
    expect(verify("sslclient")).toContain("OK");
    expect(() => verify("sslserver")).toThrow(/unsuitable certificate purpose/);
  });

  test("says what its profile does, and whose key it is for", () => {
    const found = new X509Certificate(machine(["m1.lan", "10.0.0.1", "fd00::1:2"]));
    expect(found.subject).toBe("CN=m1");
    expect(found.issuer).toBe("CN=Flotilla machines");
    expect(found.ca).toBe(false);
    expect(found.subjectAltName?.split(", ")).toEqual([
      `URI:flotilla://${CLUSTER}/machine/${"a".repeat(32)}`,
      "DNS:m1.lan",
      "DNS:localhost",
      "IP Address:10.0.0.1",
      "IP Address:FD00:0:0:0:0:0:1:2",
      "IP Address:127.0.0.1",
    ]);
    expect(found.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    expect(found.publicKey.equals(createPublicKey(key))).toBe(true);
    expect(found.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(found.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  });

  test("has each address that it is given, however that is written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const found = new X509Certificate(machine([address]));
        expect(found.checkIP(address)).toBe(found.checkIP(address) === undefined ? undefined : address);
        expect(found.checkIP(address)).toBeDefined();
      }),
      { numRuns: 60 },
    );
  });

  test.for(["::", "::1", "1::", "fe80::1%eth0", "::ffff:1.2.3.4"])("has the address %s", (address) => {
    const found = new X509Certificate(machine([address]));
    expect(found.checkIP(address.replace(/%.*/, ""))).toBeDefined();
  });

  test("keeps a name in one piece, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (name) => {
        const profile = machineProfile({ clusterId: CLUSTER, id: "a".repeat(32), name }, [], NOW);
        const { CN, ...others } = new X509Certificate(
          signCertificate(authority, key, profile),
        ).toLegacyObject().subject;
        expect(others).toEqual({});
        expect(CN).toBe(name);
      }),
      { numRuns: 50 },
    );
  });

  test("begins five minutes before it was made", () => {
    expect(new X509Certificate(machine([], 0)).validFromDate.getTime()).toBe(-5 * 60_000);
  });

  test("has a number that no other has: a person's is random, a machine's its ID and the day", () => {
    const person = (): string =>
      signCertificate(authority, key, personProfile({ clusterId: CLUSTER, name: "eve", role: "admin" }, NOW));
    const [a, b] = [new X509Certificate(person()), new X509Certificate(person())];
    expect(a.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(a.serialNumber).not.toBe(b.serialNumber);
    const day = (NOW / 86_400_000).toString(16).padStart(6, "0").toUpperCase();
    expect(new X509Certificate(machine()).serialNumber).toBe(`${"A".repeat(32)}${day}`);
  });

  test("is due for renewal when two thirds of its time have passed", () => {
    const days = renewalDueMs(new X509Certificate(machine([], 0))) / 86_400_000;
    expect(days).toBeGreaterThan(59.9);
    expect(days).toBeLessThan(60);
  });
});

describe("an authority", () => {
  test("is one to OpenSSL, beneath which there is no other, beyond 2050", () => {
    const text = openssl("x509", "-noout", "-text", "-in", inFile("ca.crt", authority.certificate));
    expect(text).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(text).toMatch(/X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(new X509Certificate(authority.certificate).validToDate.getUTCFullYear()).toBe(2056);
  });

  test("of another tool signs as well: its name is taken over byte by byte", () => {
    const [certificate, own] = [join(directory, "other.crt"), join(directory, "other.key")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
      "req",
      "-x509",
      ...curve,
      "-subj",
      "/O=Ours/CN=An authority",
      "-days",
      "2",
      "-keyout",
      own,
      "-out",
      certificate,
    );
    const other = {
      certificate: openssl("x509", "-in", certificate),
      key: openssl("pkey", "-in", own),
    };
    const profile = personProfile({ clusterId: CLUSTER, name: "bob", role: "admin" }, Date.now());
    const signed = inFile("bob.crt", signCertificate(other, key, profile));
    expect(openssl("verify", "-CAfile", certificate, signed)).toContain("OK");
  });
});

describe("a request", () => {
  test("gives up the key that has signed it", () => {
    const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" });
    expect(keyOfRequest(newRequest(key))).toBe(publicKey);
  });

  test("is one to OpenSSL, and OpenSSL's is one here", () => {
    const keyFile = inFile("request.key", key);
    expect(
      openssl("req", "-verify", "-noout", "-subject", "-in", inFile("own.csr", newRequest(key))),
    ).toContain("CN = flotilla");
    const theirs = openssl(
      "req",
      "-new",
      "-key",
      keyFile,
      "-subj",
      "/CN=who",
      "-addext",
      "keyUsage=keyCertSign",
    );
    expect(keyOfRequest(theirs)).toBe(keyOfRequest(newRequest(key)));
  });

  test("that was changed anywhere gives up no other key, and says so", () => {
    const request = newRequest(key);
    const bytes = Buffer.from(request.split("\n").slice(1, -2).join(""), "base64");
    const own = keyOfRequest(request);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ by;
        let found = own;
        try {
          found = keyOfRequest(toPem(changed));
        } catch (error) {
          expect(error).toMatchObject({ code: "bad-request" });
        }
        expect(found).toBe(own);
      }),
      { numRuns: 200 },
    );
  });

  test.for([
    ["nothing", ""],
    ["rubbish", "rubbish"],
    ["an empty one", "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"],
    ["a certificate", authority.certificate],
  ] as const)("is not %s", ([, text]) => {
    expect(() => keyOfRequest(text)).toThrow(/no request for a certificate/);
  });

  test("is none by a key of another kind", () => {
    for (const { privateKey } of [
      generateKeyPairSync("ec", { namedCurve: "secp384r1" }),
      generateKeyPairSync("ed25519"),
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ]) {
      const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      const request = openssl("req", "-new", "-key", inFile("other-kind.key", pem), "-subj", "/CN=who");
      expect(() => keyOfRequest(request)).toThrow(/no request for a certificate/);
    }
  });
});

function toPem(bytes: Buffer): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
}
