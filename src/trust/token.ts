/**
 * Tokens: what their text is made of, and whether one is good now.
 *
 * The text is `flo_ID_SECRET_FINGERPRINT`: which token it is, what proves it, and by what whoever is given it knows the
 * cluster. Only a hash of the secret is kept. It has 160 random bits, so that a plain hash is as good as a slow one.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { TokenRecord } from "#model/trust-records.ts";

export interface Token {
  /** 8 letters and digits; may be shown. */
  readonly id: string;
  /** 32 letters and digits; shown to nobody but whom it is made for. */
  readonly secret: string;
  /** SHA-256 of the machines' authority's certificate, in hex. */
  readonly fingerprint: string;
}

/** Crockford's base 32: nothing that looks like something else, and a symbol is five bits of a byte. */
const SYMBOLS = "0123456789abcdefghjkmnpqrstvwxyz";
const PATTERN = /^flo_([0-9a-z]{8})_([0-9a-z]{32})_([0-9a-f]{64})$/;

/** A token that nobody has had before. */
export function newToken(fingerprint: string, random: Random): Token {
  return { id: symbols(8, random), secret: symbols(32, random), fingerprint };
}

export function formatToken({ id, secret, fingerprint }: Token): string {
  return `flo_${id}_${secret}_${fingerprint}`;
}

/** @throws FlotillaError `bad-request`; the text is not repeated, since it may be a secret with a slip in it. */
export function parseToken(text: string): Token {
  const [, id, secret, fingerprint] = PATTERN.exec(text.trim()) ?? [];
  if (id !== undefined && secret !== undefined && fingerprint !== undefined)
    return { id, secret, fingerprint };
  throw new FlotillaError("bad-request", "this is not a token", {
    causes: ["a token is flo_, an ID, a secret and a fingerprint, on one line"],
    hint: "flotilla token create, on a machine of the cluster, prints one",
  });
}

/** What is kept of a secret. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/**
 * @param record what is kept under the token's ID, if anything
 * @returns the record of a token that is good now
 * @throws FlotillaError `not-authenticated`; of a token whose secret is wrong nothing is told that is not known to all
 */
export function judgeToken(
  { id, secret }: Pick<Token, "id" | "secret">,
  record: TokenRecord | undefined,
  nowMs: number,
): TokenRecord {
  if (record === undefined || !isSameHash(hashSecret(secret), record.hash)) throw unknownToken(id);
  if (nowMs >= record.expiresMs) {
    const ended = new Date(record.expiresMs).toISOString();
    throw refused(`token ${id} has expired: it ended ${ended}, here it is ${new Date(nowMs).toISOString()}`);
  }
  if (record.usesLeft === 0) throw refused(`token ${id} has been used as often as it may be`);
  return record;
}

/** The record once the token has been used. */
export function afterUse(record: TokenRecord): TokenRecord {
  return record.usesLeft === null ? record : { ...record, usesLeft: record.usesLeft - 1 };
}

function isSameHash(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one, "hex"), Buffer.from(other, "hex"));
}

function unknownToken(id: string): FlotillaError {
  return refused(`the cluster knows no token ${id} with this secret; it may have been revoked`);
}

function refused(message: string): FlotillaError {
  return new FlotillaError("not-authenticated", message, {
    hint: "an admin makes a new one: flotilla token create",
  });
}

function symbols(count: number, random: Random): string {
  return Array.from(random.bytes(count), (byte) => SYMBOLS[byte % SYMBOLS.length]).join("");
}
