/** What there is to say of the store: what it is, who its members are, and what is wrong with it. */
import * as z from "zod";
import { storeAccessSchema } from "./records.ts";

export const storeMemberStatusSchema = z.object({
  id: z.string().describe("16 hex digits, as etcdctl writes it"),
  name: z.string().describe("empty while it has never been started"),
  machine: z.string().nullable().describe("ID of the machine that runs it as a unit; null for others"),
  role: z.enum(["leader", "follower", "learner", "unknown"]),
  clientUrls: z.array(z.string()),
  peerUrls: z.array(z.string()),
  answers: z.boolean(),
  version: z.string().nullable(),
  dbBytes: z.number().nullable(),
  dbBytesInUse: z.number().nullable(),
  quotaBytes: z.number().nullable(),
  lag: z.number().nullable().describe("entries of the log that it has yet to take over from the leader"),
  errors: z.array(z.string()).describe("what it complains of itself"),
});
export type StoreMemberStatus = Readonly<z.infer<typeof storeMemberStatusSchema>>;

/** Something wrong, or something better, and what to type about it. */
export const storeProblemSchema = z.object({
  grade: z.enum(["failure", "danger", "advice"]),
  message: z.string(),
  commands: z
    .array(z.string())
    .describe("what to type, one after the other or one of them, as the message says"),
});
export type StoreProblem = Readonly<z.infer<typeof storeProblemSchema>>;

export const storeStatusSchema = z.object({
  kind: z.enum(["embedded", "etcd"]),
  clusterId: z.string().nullable().describe("the store's own, 16 hex digits; null while no member answers"),
  access: storeAccessSchema.omit({ user: true }).extend({ user: z.string().nullable() }),
  encrypted: z.boolean().describe("whether clients reach it by TLS"),
  revision: z.string().nullable(),
  compactRevision: z.string().nullable().describe("null where the store does not tell"),
  leader: z.string().nullable().describe("ID of a member"),
  quorum: z.object({ voters: z.number(), answering: z.number(), needed: z.number() }),
  alarms: z.array(z.object({ member: z.string(), alarm: z.enum(["nospace", "corrupt"]) })),
  members: z.array(storeMemberStatusSchema),
  problems: z.array(storeProblemSchema),
});
export type StoreStatus = Readonly<z.infer<typeof storeStatusSchema>>;

/** What a machine has for being a member. */
export const memberPlaceSchema = z.object({
  machine: z.string(),
  name: z.string(),
  clientUrl: z.string(),
  peerUrl: z.string(),
  directory: z.string().describe("where a new member's data would be"),
  tls: z
    .object({
      certFile: z.string(),
      keyFile: z.string(),
      caFile: z.string(),
      crlFile: z.string().exactOptional().describe("certificates that are not to be believed any more"),
    })
    .exactOptional(),
  quotaBytes: z.number(),
  historyMs: z.number(),
  program: z.string().exactOptional(),
  version: z.string().exactOptional(),
  lacks: z.string().exactOptional().describe("what is missing, and how to come by it"),
});
export type MemberPlace = Readonly<z.infer<typeof memberPlaceSchema>>;
