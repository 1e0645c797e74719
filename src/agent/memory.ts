/**
 * What the agent remembers across its own death: its assignments as the store last gave them, what it has carried
 * out, what it has yet to tell, and the cluster it belongs to. One file, replaced atomically, so that a machine that comes up without the
 * store starts what it should.
 */
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import { writeFileAtomic } from "#host/files.ts";
import { assignmentSchema, outcomeSchema } from "#model/records.ts";

const FORMAT = 1;

const memorySchema = z.object({
  format: z.literal(FORMAT),
  /** ID of the cluster; undefined before the store was reached for the first time. */
  cluster: z.string().optional(),
  assignments: z.record(z.string(), assignmentSchema),
  applied: z.record(
    z.string(),
    z.object({
      desired: z.enum(["loaded", "launched"]),
      file: z.string(),
      launch: z.number(),
      completed: z.boolean(),
      supersedes: z.string().optional(),
    }),
  ),
  /** By template that units of this machine need: the hash of its file; null: the store had none. */
  templates: z.record(z.string(), z.string().nullable()).default({}),
  /** How long the stop of each strict unit may take, milliseconds. */
  strict: z.record(z.string(), z.number()).default({}),
  /** Outcomes of oneshots, by unit, that the store may not have yet. */
  untold: z.record(z.string(), outcomeSchema).default({}),
});

export type AgentMemory = Readonly<z.infer<typeof memorySchema>>;

const EMPTY: AgentMemory = {
  format: FORMAT,
  assignments: {},
  applied: {},
  templates: {},
  strict: {},
  untold: {},
};

/** Where the agent keeps its memory; an interface, so that simulated machines keep theirs in a variable. */
export interface MemoryFile {
  /** @throws FlotillaError `bad-config` when the file is there and cannot be understood. */
  load(): Promise<AgentMemory>;
  /** Resolves when the memory would survive a power cut. */
  save(memory: AgentMemory): Promise<void>;
}

/** An empty memory, as a machine has that was never part of a cluster. */
export function emptyMemory(): AgentMemory {
  return EMPTY;
}

/** The memory in the file at `path`. */
export function memoryFile(path: string): MemoryFile {
  return {
    load: () => loadMemory(path),
    save: (memory) => writeFileAtomic(path, `${JSON.stringify(memory)}\n`),
  };
}

async function loadMemory(path: string): Promise<AgentMemory> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return EMPTY;
    throw error;
  }
  const parsed = memorySchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FlotillaError("bad-config", `${path} is damaged or from another version`, {
    causes: parsed.error.issues.map(({ path: at, message }) => [...at, message].join(": ")),
    hint: "move the file away to let the machine take its assignments from the store again; its running units then count as new",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
