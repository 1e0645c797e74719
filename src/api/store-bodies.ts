/** The bodies of the API on the store and on the users' own keys, as schemas and types; as `bodies.ts` for the rest. */
import * as z from "zod";

/** A value is text where its bytes are UTF-8, else base64; exactly one of the two stands. */
const valueFields = {
  value: z.string().exactOptional().describe("the value, where it is text"),
  base64: z.string().exactOptional().describe("the value, where it is no UTF-8"),
};

const revision = z.string().regex(/^\d{1,19}$/, "must be a revision: digits only");
const key = z.string().min(1);

export const kvEntrySchema = z.object({
  key: key.describe("without the prefix of the layout"),
  ...valueFields,
  bytes: z.number().exactOptional().describe("length of the value"),
  revision: revision.describe("of the last change; give it as ifRevision to change just this"),
  createRevision: revision,
  version: z.number().describe("number of writes since the key was created"),
});
export type KvEntry = z.infer<typeof kvEntrySchema>;

export const kvQuery = z.object({
  key: key.optional(),
  prefix: z.string().optional().describe("all keys that begin so; empty for all; not together with key"),
  from: z.string().optional().describe("only keys from this one on, for the next page"),
  limit: z.coerce.number().int().positive().optional(),
  keysOnly: z.enum(["true", "false"]).optional(),
});
export type KvQuery = z.infer<typeof kvQuery>;

export const kvListSchema = z.object({
  revision: revision.describe("that this list is of: a watch behind it misses nothing"),
  entries: z.array(kvEntrySchema),
  more: z.boolean().describe("there are further keys, behind the last one here"),
});
export type KvList = z.infer<typeof kvListSchema>;

export const kvPutSchema = z.object({
  key,
  ...valueFields,
  ifRevision: revision
    .optional()
    .describe("change it only if this is its revision; 0: only if it is not there"),
});
export type KvPut = z.infer<typeof kvPutSchema>;
export const kvPutResultSchema = z.object({ revision });
export type KvPutResult = z.infer<typeof kvPutResultSchema>;

export const kvDeleteSchema = z.object({
  key: key.optional(),
  prefix: z.string().optional().describe("delete all keys that begin so"),
  ifRevision: revision.optional(),
});
export type KvDelete = z.infer<typeof kvDeleteSchema>;
export const kvDeleteResultSchema = z.object({ revision, deleted: z.number() });
export type KvDeleteResult = z.infer<typeof kvDeleteResultSchema>;

export const kvWatchQuery = z.object({
  key: key.optional(),
  prefix: z.string().optional(),
  after: revision.optional().describe("begin behind this revision; absent: with what happens from now on"),
});
export type KvWatchQuery = z.infer<typeof kvWatchQuery>;

export const kvChangeSchema = z.object({
  type: z.enum(["put", "delete"]),
  key,
  ...valueFields,
  revision,
});
export type KvChange = z.infer<typeof kvChangeSchema>;
