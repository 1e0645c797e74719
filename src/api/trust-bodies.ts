/** The bodies of joining, of tokens and of removing machines; see bodies.ts. */
import * as z from "zod";
import { storeAccessSchema } from "#model/records.ts";
import { personRoleSchema, tokenRecordSchema, tokenRoleSchema } from "#model/trust-records.ts";

/** What is revoked is remembered for so long. */
const LONGEST_PERSON_MS = 365 * 86_400_000;

export const tokenCreateSchema = z.object({
  role: tokenRoleSchema.default("machine"),
  name: z.string().max(200).default("").describe("whom or what it is for"),
  ttlMs: z
    .number()
    .int()
    .positive()
    .max(10 * 365 * 86_400_000)
    .optional()
    .describe("1 h for a machine, 30 days for a person unless given"),
  uses: z
    .number()
    .int()
    .positive()
    .max(100_000)
    .optional()
    .describe("how many machines may join with it; 1 unless given"),
});
export type TokenCreate = z.input<typeof tokenCreateSchema>;

/** A token without anything that is secret. */
export const tokenRowSchema = tokenRecordSchema.omit({ hash: true }).extend({ id: z.string() });
export type TokenRow = z.infer<typeof tokenRowSchema>;

export const tokenListSchema = z.object({ tokens: z.array(tokenRowSchema) });
export const tokenCreatedSchema = tokenRowSchema.extend({
  token: z.string().describe("the token itself, shown this once"),
});
export type TokenCreated = z.infer<typeof tokenCreatedSchema>;

export const tokenParams = z.object({ token: z.string().describe("a token's ID") });

export const joinRequestSchema = z.object({
  token: z.object({ id: z.string(), secret: z.string() }),
  request: z.string().max(16_384).describe("a PKCS #10 request for a certificate, PEM"),
  machine: z.object({
    id: z.string().regex(/^[0-9a-f]{32}$/),
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/),
    address: z.string().describe("IP address that other machines shall reach it by"),
    hosts: z.array(z.string()).max(16).describe("its names"),
  }),
  nowMs: z.number().describe("its clock"),
});
export type JoinRequest = z.infer<typeof joinRequestSchema>;

export const joinedSchema = z.object({
  clusterId: z.string(),
  clusterName: z.string(),
  certificate: z.string().describe("PEM"),
  machinesCa: z.string().describe("PEM"),
  peopleCa: z.string().describe("PEM"),
  store: storeAccessSchema.describe(
    "where the store is; without tls, the machine's own certificate opens it",
  ),
  apis: z.array(z.string()).describe("of machines that are present"),
});
export type Joined = z.infer<typeof joinedSchema>;

export const removalSchema = z.object({
  force: z.boolean().default(false).describe("even if the machine is present"),
});
export const removedSchema = z.object({ machine: z.string(), name: z.string() });
export type Removed = z.infer<typeof removedSchema>;

export const personCreateSchema = z.object({
  name: z.string(),
  role: personRoleSchema,
  request: z.string().max(16_384).describe("a PKCS #10 request for a certificate, PEM"),
  ttlMs: z.number().int().positive().max(LONGEST_PERSON_MS).optional().describe("a year unless given"),
});
export type PersonCreate = z.infer<typeof personCreateSchema>;

export const personCreatedSchema = z.object({
  name: z.string(),
  role: personRoleSchema,
  clusterName: z.string(),
  certificate: z.string().describe("PEM"),
  machinesCa: z.string().describe("PEM"),
  apis: z.array(z.string()).describe("of machines that are present"),
  expiresMs: z.number(),
});
export type PersonCreated = z.infer<typeof personCreatedSchema>;

export const personParams = z.object({ person: z.string().describe("a person's name") });

export const leaveSchema = z.object({
  now: z.boolean().default(false).describe("without waiting for other machines to have its units"),
});
