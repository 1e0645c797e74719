/**
 * Whose certificate it is, and whether it is to be believed.
 *
 * A certificate names one machine or one person of one cluster in a URI of its subject alternative names; the common
 * name is for readers. Judging is pure: who signs, the time and who was removed are given.
 */
import type { X509Certificate } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { type PersonRole, personRoleSchema } from "#model/trust-records.ts";

export interface MachineIdentity {
  readonly kind: "machine";
  readonly clusterId: string;
  /** Machine ID. */
  readonly id: string;
  readonly name: string;
}

export interface PersonIdentity {
  readonly kind: "person";
  readonly clusterId: string;
  readonly name: string;
  readonly role: PersonRole;
}

export type Identity = MachineIdentity | PersonIdentity;

/** What a certificate is held against. */
export interface Believed {
  readonly clusterId: string;
  /** Who signs machines' certificates. */
  readonly machines: X509Certificate;
  /** Who signs people's; absent where only machines are let in. */
  readonly people?: X509Certificate;
  /** Wall clock. */
  readonly nowMs: number;
  readonly isRevoked: (machine: string) => boolean;
}

/** A name that a person may have: it becomes part of a URI. */
export const PERSON_NAME = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,62}$/;

/** The URI that names whom a certificate is of. */
export function identityUri(identity: Identity): string {
  const { clusterId } = identity;
  if (identity.kind === "machine") return `flotilla://${clusterId}/machine/${identity.id}`;
  return `flotilla://${clusterId}/person/${identity.name}?role=${identity.role}`;
}

/** Whom the certificate names, whoever has signed it; undefined where it names nobody of any cluster. */
export function readIdentity(certificate: X509Certificate): Identity | undefined {
  const uris = alternativeNames(certificate.subjectAltName ?? "").filter((name) =>
    name.startsWith("URI:flotilla://"),
  );
  const [uri] = uris;
  // One that names several is none that this cluster has made.
  if (uri === undefined || uris.length > 1) return undefined;
  const parts =
    /^URI:flotilla:\/\/([^/]+)\/(?:machine\/([0-9a-f]{32})|person\/([^/?]+)\?role=([a-z]+))$/.exec(uri);
  const [, clusterId, machine, person, role] = parts ?? [];
  if (clusterId === undefined) return undefined;
  if (machine !== undefined)
    return { kind: "machine", clusterId, id: machine, name: commonName(certificate) ?? machine.slice(0, 8) };
  const known = personRoleSchema.safeParse(role);
  if (person === undefined || !PERSON_NAME.test(person) || !known.success) return undefined;
  return { kind: "person", clusterId, name: person, role: known.data };
}

/**
 * Whom a certificate that a peer has shown proves its holder to be. That the peer has the key is TLS's part.
 * @throws FlotillaError `not-authenticated`, with a text of its own for each reason; `not-permitted` for a machine that
 * was removed
 */
export function judgeCertificate(certificate: X509Certificate, believed: Believed): Identity {
  const identity = readIdentity(certificate);
  if (identity === undefined)
    throw refused("the certificate is not one of a Flotilla machine or person", "use another one");
  if (identity.clusterId !== believed.clusterId) throw ofAnotherCluster(identity, believed);
  const authority = identity.kind === "machine" ? believed.machines : believed.people;
  if (authority === undefined) {
    throw refused(
      `a certificate of a person (${identity.name}) does not open this port`,
      "it is for machines; people use the API",
    );
  }
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    throw ofAnotherCluster(identity, believed);
  if (!isForClients(certificate))
    throw refused("the certificate is not one to identify oneself with", "use another one");
  checkTime(certificate, identity, believed.nowMs);
  if (identity.kind === "machine" && believed.isRevoked(identity.id)) throw machineRemoved(identity.name);
  return identity;
}

/** What a machine that was removed is told, and says of itself. */
export function machineRemoved(name: string): FlotillaError {
  return new FlotillaError("not-permitted", `machine ${name} was removed from the cluster`, {
    hint: "flotilla leave, on that machine, sets what is left of it aside; flotilla join brings it back as a new one",
  });
}

/** A certificate is shown as a server's too; a person's must not be. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

function isForClients(certificate: X509Certificate): boolean {
  return !certificate.ca && (certificate.keyUsage ?? []).includes(CLIENT_AUTH);
}

function checkTime(certificate: X509Certificate, identity: Identity, nowMs: number): void {
  const fromMs = certificate.validFromDate.getTime();
  const toMs = certificate.validToDate.getTime();
  const now = new Date(nowMs).toISOString();
  const whose = `the certificate of ${identity.kind} ${identity.name}`;
  if (nowMs < fromMs) {
    throw refused(
      `${whose} is not yet valid: it begins ${new Date(fromMs).toISOString()}, here it is ${now}`,
      "one of the two clocks is wrong; set it, best by NTP",
    );
  }
  if (nowMs > toMs) {
    throw refused(
      `${whose} has expired: it ended ${new Date(toMs).toISOString()}, here it is ${now}`,
      identity.kind === "machine"
        ? "the machine's daemon was away while it should have renewed it: flotilla leave, then flotilla join"
        : "ask an admin for a new token: flotilla token create",
    );
  }
}

function ofAnotherCluster(identity: Identity, { clusterId }: Believed): FlotillaError {
  const whose =
    identity.clusterId === clusterId ? "signed by nobody this cluster trusts" : "of another cluster";
  return refused(
    `the certificate of ${identity.kind} ${identity.name} is ${whose}`,
    `this is cluster ${clusterId}; a machine comes into it by flotilla join, a person by flotilla context add`,
  );
}

function refused(message: string, hint: string): FlotillaError {
  return new FlotillaError("not-authenticated", message, { hint });
}

/** Node's list of names taken apart; a name with a comma in it is quoted there. */
function alternativeNames(text: string): readonly string[] {
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g)].map(([name]) => name.trim());
}

function commonName(certificate: X509Certificate): string | undefined {
  return /^CN=(.+)$/m.exec(certificate.subject)?.[1];
}
