/**
 * Tokens in the store: made, listed, revoked, used.
 *
 * A use is counted in a transaction guarded by the record's revision, so that none is used more often than it may be,
 * however many come at once and to whichever daemon.
 */
import { X509Certificate } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { keys, parseKey, ranges } from "#model/keys.ts";
import { type TokenRecord, type TokenRole, tokenRecordSchema } from "#model/trust-records.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { chunk, deleteKey, ifExists, ifModRevision, putJson } from "#store/ops.ts";
import type { KeyValue } from "#store/store.ts";
import { afterUse, formatToken, hashSecret, judgeToken, newToken, type Token } from "#trust/token.ts";
import { readAuthorities } from "./authorities.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { TokenCreate, TokenCreated, TokenRow } from "./trust-bodies.ts";

const HOUR_MS = 3_600_000;
/** A token that ended is listed for so long, so that whoever wonders why it is refused finds it. */
const KEPT_MS = 7 * 24 * HOUR_MS;
const TOKENS_MAX = 10_000;
/** So many machines may use one token at the same moment. */
const MAX_TRIES = 1_000;

/** @param createdBy as the audit log names callers */
export async function createToken(
  { role = "machine", name = "", ttlMs, uses }: TokenCreate,
  createdBy: string,
  dependencies: ApiDependencies,
): Promise<TokenCreated> {
  const { store, clock, random } = dependencies;
  if (role !== "machine" && uses !== undefined) {
    throw new FlotillaError("bad-request", "only tokens that machines join with are counted", {
      hint: "leave --uses away: a person's token is good until it expires or is revoked",
    });
  }
  const { machines } = await readAuthorities(store);
  await forgetOld(dependencies);
  const token = newToken(fingerprintOf(machines.certificate), random);
  const nowMs = clock.now();
  const record: TokenRecord = {
    hash: hashSecret(token.secret),
    role,
    name,
    createdMs: nowMs,
    expiresMs: nowMs + (ttlMs ?? lifetimeOf(role)),
    usesLeft: role === "machine" ? (uses ?? 1) : null,
    createdBy,
  };
  await store.txn({ compare: [], success: [putJson(keys.token(token.id), record)], failure: [] });
  return { ...row(token.id, record), token: formatToken(token) };
}

/** Newest first, without what is secret. */
export async function listTokens({ store }: Pick<ApiDependencies, "store">): Promise<readonly TokenRow[]> {
  const { kvs } = await store.range(prefixRange(ranges.tokens));
  return kvs
    .map((kv) => row(idOf(kv), recordOf(kv)))
    .sort((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? -1 : 1));
}

/** @throws FlotillaError `not-found` */
export async function revokeToken(id: string, { store }: Pick<ApiDependencies, "store">): Promise<void> {
  const key = keys.token(id);
  const { succeeded } = await store.txn({ compare: [ifExists(key)], success: [deleteKey(key)], failure: [] });
  if (succeeded) return;
  throw new FlotillaError("not-found", `there is no token ${id}`, { hint: "flotilla token list shows them" });
}

/** Whether the token is good for joining now, without using it. @throws FlotillaError `not-authenticated` */
export async function checkJoinToken(
  token: Pick<Token, "id" | "secret">,
  dependencies: ApiDependencies,
): Promise<void> {
  await readJoinToken(token, dependencies);
}

/** Uses it once. @throws FlotillaError `not-authenticated`, `not-permitted`, `conflict` */
export async function useJoinToken(
  token: Pick<Token, "id" | "secret">,
  dependencies: ApiDependencies,
): Promise<void> {
  const key = keys.token(token.id);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { record, revision } = await readJoinToken(token, dependencies);
    const { succeeded } = await dependencies.store.txn({
      compare: [ifModRevision(key, revision)],
      success: [putJson(key, afterUse(record))],
      failure: [],
    });
    if (succeeded) return;
  }
  throw new FlotillaError("conflict", "too many machines use the same token at once", { retryable: true });
}

async function readJoinToken(
  token: Pick<Token, "id" | "secret">,
  { store, clock }: ApiDependencies,
): Promise<{ readonly record: TokenRecord; readonly revision: bigint }> {
  const [kv] = (await store.range({ key: toBytes(keys.token(token.id)) })).kvs;
  const record = judgeToken(token, kv === undefined ? undefined : recordOf(kv), clock.now());
  if (record.role === "machine") return { record, revision: kv?.modRevision ?? 0n };
  throw new FlotillaError("not-permitted", `token ${token.id} is a person's: no machine joins with it`, {
    hint: "flotilla token create makes one for machines",
  });
}

async function forgetOld({ store, clock }: ApiDependencies): Promise<void> {
  const { kvs } = await store.range(prefixRange(ranges.tokens));
  if (kvs.length >= TOKENS_MAX) {
    throw new FlotillaError("limit-exceeded", `there are ${kvs.length} tokens`, {
      hint: "flotilla token list shows them, flotilla token revoke takes some away",
    });
  }
  const old = kvs.filter((kv) => recordOf(kv).expiresMs + KEPT_MS < clock.now());
  for (const some of chunk(old, 100)) {
    const success = some.map((kv) => deleteKey(toText(kv.key)));
    await store.txn({ compare: [], success, failure: [] });
  }
}

function lifetimeOf(role: TokenRole): number {
  return role === "machine" ? HOUR_MS : 30 * 24 * HOUR_MS;
}

function row(id: string, { hash: _, ...shown }: TokenRecord): TokenRow {
  return { id, ...shown };
}

function idOf({ key }: KeyValue): string {
  return parseKey(toText(key))?.first ?? "";
}

function recordOf({ value }: KeyValue): TokenRecord {
  return tokenRecordSchema.parse(JSON.parse(toText(value)));
}

function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(":", "").toLowerCase();
}
