/** Certificates and tokens of a made-up cluster, for tests of who may do what. */
import { X509Certificate } from "node:crypto";
import { systemRandom } from "#host/system.ts";
import { keys } from "#model/keys.ts";
import type { Authority, PersonRole, TokenRecord, TokenRole } from "#model/trust-records.ts";
import { putJson } from "#store/ops.ts";
import type { RequestOp } from "#store/store.ts";
import { LiveTrust } from "#trust/live-trust.ts";
import { LIFETIMES, type Lifetimes, machineProfile, personProfile } from "#trust/profiles.ts";
import { newAuthority, newKey, signCertificate } from "#trust/signing.ts";
import { formatToken, hashSecret, newToken } from "#trust/token.ts";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export const FINGERPRINT = "f".repeat(64);

/** A cluster's authorities, and what they sign. */
export class TestTrust {
  readonly machines: Authority;
  readonly people: Authority;
  readonly clusterId: string;
  readonly revoked = new Set<string>();

  private constructor(clusterId: string, machines: Authority, people: Authority) {
    this.clusterId = clusterId;
    this.machines = machines;
    this.people = people;
  }

  static make(clusterId: string): TestTrust {
    const machines = newAuthority(`${clusterId} machines`, Date.now());
    const people = newAuthority(`${clusterId} people`, Date.now());
    return new TestTrust(clusterId, machines, people);
  }

  /** What tokens of the cluster carry. */
  get fingerprint(): string {
    return new X509Certificate(this.machines.certificate).fingerprint256.replaceAll(":", "").toLowerCase();
  }

  async machine(id: string, name: string, nowMs = Date.now(), reached = ["127.0.0.1"]): Promise<Pair> {
    const key = newKey();
    const profile = machineProfile({ clusterId: this.clusterId, id, name }, reached, nowMs);
    return { key, cert: signCertificate(this.machines, key, profile) };
  }

  /** @param nowMs when it is made: with a lifetime of a year, two years ago makes one that has expired */
  async person(
    name: string,
    role: PersonRole,
    { nowMs = Date.now(), signer = this.people, lifetimes = LIFETIMES }: PersonOptions = {},
  ): Promise<Pair> {
    const key = newKey();
    const profile = personProfile({ clusterId: this.clusterId, name, role }, nowMs, lifetimes);
    return { key, cert: signCertificate(signer, key, profile) };
  }

  /** What a daemon of the machine believes and shows. */
  live(machine: Pair): LiveTrust {
    const cluster = {
      format: 1 as const,
      clusterId: this.clusterId,
      clusterName: "t",
      name: "m1",
      address: "127.0.0.1",
      store: [],
      apis: [],
    };
    const live = new LiveTrust({
      trust: {
        ...{ machinesCa: this.machines.certificate, peopleCa: this.people.certificate },
        ...{ certificate: machine.cert, key: machine.key, cluster, directory: "/nowhere" },
        paths: { certFile: "", keyFile: "", caFile: "" },
        revocationsFile: "",
      },
      clock: { now: () => Date.now() },
    });
    live.heed((id) => this.revoked.has(id));
    return live;
  }
}

interface PersonOptions {
  readonly nowMs?: number;
  readonly signer?: Authority;
  readonly lifetimes?: Lifetimes;
}

/** A token's text and what is stored of it. */
export function makeToken(
  role: TokenRole,
  changes: Partial<TokenRecord> = {},
  fingerprint = FINGERPRINT,
): { readonly text: string; readonly id: string; readonly write: RequestOp } {
  const token = newToken(fingerprint, systemRandom);
  const record: TokenRecord = {
    ...{ hash: hashSecret(token.secret), role, name: `${role}-token`, createdMs: Date.now() },
    ...{ expiresMs: Date.now() + 3_600_000, usesLeft: null, createdBy: "a test" },
    ...changes,
  };
  return { text: formatToken(token), id: token.id, write: putJson(keys.token(token.id), record) };
}
