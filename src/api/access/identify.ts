/** Who is behind a request: by the way it came, the certificate that was shown, or the token that it has. */
import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { FlotillaError, toFlotillaError } from "#base/errors.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { keys, revokedPerson } from "#model/keys.ts";
import { type PersonRole, type TokenRecord, tokenRecordSchema } from "#model/trust-records.ts";
import { toBytes, toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";
import type { Identity } from "#trust/identity.ts";
import { judgeToken, parseToken, type Token } from "#trust/token.ts";
import { type Caller, FORWARDED, parseCaller } from "./caller.ts";

/** The way that a request came. */
export type Origin =
  | { readonly kind: "socket" }
  | {
      readonly kind: "network";
      /** The peer's IP address. */
      readonly address: string;
      /** What the peer has shown and has the key of; who signed it is not judged yet. */
      readonly certificate?: X509Certificate | undefined;
    };

/** Whom a daemon believes: those whom its cluster's authorities vouch for, or, unasked, whoever comes. */
export type Access =
  | { readonly kind: "unchecked" }
  | {
      readonly kind: "checked";
      /** Whose certificate it is. @throws FlotillaError `not-authenticated` */
      readonly judge: (certificate: X509Certificate) => Identity;
    };

export interface IdentifyDependencies {
  readonly access: Access;
  readonly store: Pick<Store, "range">;
  /** Who was removed, as far as is known here. */
  readonly mirror: { readonly view: Pick<ClusterView, "revoked"> };
  /** Wall clock. */
  readonly clock: { readonly now: () => number };
}

export interface Identified {
  readonly caller: Caller;
  /** Another machine passed it on, so it is answered here or not at all. */
  readonly isForwarded: boolean;
}

/** Never rejects: what is wrong with what came is part of a caller that is nobody. */
export async function identify(
  origin: Origin,
  headers: IncomingHttpHeaders,
  dependencies: IdentifyDependencies,
): Promise<Identified> {
  if (origin.kind === "socket") return { caller: { kind: "local" }, isForwarded: false };
  const forwarded = single(headers[FORWARDED]);
  const { access } = dependencies;
  if (access.kind === "unchecked")
    return { caller: { kind: "unchecked" }, isForwarded: forwarded !== undefined };
  const caller = await callerOf(origin.certificate, headers, access.judge, dependencies).catch(
    (error: unknown): Caller => ({
      kind: "nobody",
      why: error instanceof Error ? error : toFlotillaError(error),
    }),
  );
  // Whoever else has the header has made it up.
  if (caller.kind !== "machine" || forwarded === undefined) return { caller, isForwarded: false };
  return { caller: parseCaller(forwarded) ?? { kind: "nobody" }, isForwarded: true };
}

async function callerOf(
  certificate: X509Certificate | undefined,
  headers: IncomingHttpHeaders,
  judge: (certificate: X509Certificate) => Identity,
  { store, clock, mirror }: IdentifyDependencies,
): Promise<Caller> {
  if (certificate !== undefined) return certified(judge(certificate), mirror.view);
  const token = bearerOf(headers);
  return token === undefined ? { kind: "nobody" } : personOf(token, store, clock.now());
}

/** @throws FlotillaError `not-authenticated` for a person whose certificates were taken back */
function certified(identity: Identity, { revoked }: Pick<ClusterView, "revoked">): Caller {
  const { kind, name } = identity;
  if (kind === "machine") return { kind, name, id: identity.id };
  if (revoked.has(revokedPerson(name))) {
    throw new FlotillaError("not-authenticated", `the certificates of ${name} were taken back`, {
      hint: "an admin makes another, under another name: flotilla person create",
    });
  }
  return { kind, name, role: identity.role, by: "certificate" };
}

/** @throws FlotillaError `not-authenticated` for an authorization of another kind than Bearer */
function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  if (authorization === undefined) return undefined;
  const [, token] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
  if (token !== undefined) return token;
  throw new FlotillaError("not-authenticated", "the header authorization has no token", {
    hint: "send: authorization: Bearer TOKEN",
  });
}

async function personOf(text: string, store: Pick<Store, "range">, nowMs: number): Promise<Caller> {
  const token = readToken(text);
  const [kv] = (await store.range({ key: toBytes(keys.token(token.id)) })).kvs;
  const record: TokenRecord | undefined =
    kv === undefined ? undefined : tokenRecordSchema.parse(JSON.parse(toText(kv.value)));
  const { name, role } = judgeToken(token, record, nowMs);
  return {
    kind: "person",
    name: name === "" ? `token ${token.id}` : name,
    role: personRole(role, token.id),
    by: "token",
  };
}

/** @throws FlotillaError `not-authenticated` for a text that is none */
function readToken(text: string): Token {
  try {
    return parseToken(text);
  } catch (error) {
    const { message, causes, hint = "" } = toFlotillaError(error);
    throw new FlotillaError("not-authenticated", message, { causes, hint });
  }
}

/** @throws FlotillaError `not-authenticated` for a token that is there to join with */
function personRole(role: TokenRecord["role"], id: string): PersonRole {
  if (role !== "machine") return role;
  throw new FlotillaError("not-authenticated", `token ${id} is one for a machine to join with`, {
    hint: "an admin makes one for people: flotilla token create --role viewer",
  });
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
