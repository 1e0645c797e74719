/**
 * The values of the keys by which a cluster trusts: its authorities, tokens, and machines that were removed.
 * Times are wall-clock milliseconds since 1970.
 */
import * as z from "zod";
import { PERSON_ROLES, TOKEN_ROLES } from "./token-roles.ts";

export { PERSON_ROLES, type PersonRole, type TokenRole } from "./token-roles.ts";

export const personRoleSchema = z.enum(PERSON_ROLES);
export const tokenRoleSchema = z.enum(TOKEN_ROLES);

const authoritySchema = z.object({
  /** PEM. */
  certificate: z.string(),
  /** PEM (PKCS #8). */
  key: z.string(),
});
/** Who signs certificates: its own certificate, and the key that nobody else has. */
export type Authority = Readonly<z.infer<typeof authoritySchema>>;

/** The cluster's two authorities, so that a person's certificate never opens the store. */
export const trustRecordSchema = z.object({
  machines: authoritySchema,
  people: authoritySchema,
});
export type TrustRecord = Readonly<z.infer<typeof trustRecordSchema>>;

/** A token as it is kept: what is needed to know its secret again, not the secret. */
export const tokenRecordSchema = z.object({
  /** SHA-256 of the secret, in hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"),
  role: tokenRoleSchema,
  /** Whom or what it is for, as its maker put it; empty where nothing was said. */
  name: z.string(),
  createdMs: z.number(),
  expiresMs: z.number(),
  /** Null: as often as one likes. */
  usesLeft: z.number().int().nonnegative().nullable(),
  /** Who made it, as the audit log names callers. */
  createdBy: z.string(),
});
export type TokenRecord = Readonly<z.infer<typeof tokenRecordSchema>>;

/** A machine that was taken out of the cluster: its certificates are refused while any of them is valid. */
export const revokedRecordSchema = z.object({
  name: z.string(),
  revokedMs: z.number(),
  /** When the last certificate that it can have ends; the record is of no use from then on. */
  untilMs: z.number(),
});
export type RevokedRecord = Readonly<z.infer<typeof revokedRecordSchema>>;
