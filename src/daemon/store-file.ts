/**
 * `store.json` in the daemon's directory: where the store is, as the cluster last said.
 *
 * Without the file the settings decide. With it the embedded store is not opened any more, whatever the settings say,
 * except as a signpost. It is written in the moment in which the store changes hands, and that moment alone decides
 * which of the two is the store after a crash.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import { writeFileAtomic } from "#host/files.ts";
import { storeAccessSchema } from "#model/records.ts";

const choiceSchema = z.object({
  format: z.literal(1),
  access: storeAccessSchema,
  /** Set on the machine that handed over, until all that follows from it is done. */
  handover: z
    .object({
      /** Unit of the member that takes over here; absent for an etcd of the user's own. */
      unit: z.string().exactOptional(),
      /** Record to write into the new store once it answers, as JSON. */
      record: z.string(),
    })
    .exactOptional(),
  /** The embedded store that was here goes on telling machines that come late where the store is now. */
  signpost: z.boolean().exactOptional(),
});

export type StoreChoice = Readonly<z.infer<typeof choiceSchema>>;

function pathOf(directory: string): string {
  return join(directory, "store.json");
}

/** @throws FlotillaError `bad-config` when the file is there and cannot be understood. */
export async function loadStoreChoice(directory: string): Promise<StoreChoice | undefined> {
  const path = pathOf(directory);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = choiceSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FlotillaError("bad-config", `${path} is damaged or from another version`, {
    causes: parsed.error.issues.map(({ path: at, message }) => [...at, message].join(": ")),
    hint: "it says where the store is; on another machine of the cluster the same file has the right content",
  });
}

/** Resolves when the choice would survive a power cut. */
export async function saveStoreChoice(directory: string, choice: StoreChoice): Promise<void> {
  await writeFileAtomic(pathOf(directory), `${JSON.stringify(choice, undefined, 2)}\n`);
}

export async function removeStoreChoice(directory: string): Promise<void> {
  await rm(pathOf(directory), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
