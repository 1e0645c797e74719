/** `flotilla kv edit`: a value in the user's editor, written back only where nobody else has changed it meanwhile. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "../command.ts";
import { writeLines } from "../terminal/output.ts";
import { bytesOf, toApiValue } from "./value.ts";

export async function edit({ args, io, client }: CommandContext): Promise<number> {
  const [key = ""] = args;
  const api = await client();
  const found = await api.kv({ key }, io.signal).catch((error: unknown) => {
    // A new key begins with an empty value.
    if (error instanceof FlotillaError && error.code === "not-found") return undefined;
    throw error;
  });
  const entry = found?.entries[0];
  const before = entry === undefined ? Buffer.alloc(0) : bytesOf(entry);
  const directory = await mkdtemp(join(tmpdir(), "flotilla-kv-"));
  const path = join(directory, key.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(-100));
  try {
    await writeFile(path, before, { mode: 0o600 });
    await runEditor(io.env.VISUAL || io.env.EDITOR || "vi", path);
    const after = await readFile(path);
    if (after.equals(before)) {
      writeLines(io.stderr, [`${key}: not changed`]);
      return 0;
    }
    const put = { key, ...toApiValue(after), ifRevision: entry?.revision ?? "0" };
    const { revision } = await api.putKv(put, io.signal).catch(async (error: unknown) => {
      throw await keepEdited(error, after, directory);
    });
    writeLines(io.stderr, [`${key}: written at revision ${revision}`]);
    return 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The variable may hold arguments, as in `code --wait`. */
async function runEditor(command: string, path: string): Promise<void> {
  const [program = "vi", ...args] = command.split(" ").filter((word) => word !== "");
  const child = spawn(program, [...args, path], { stdio: "inherit" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", (cause) => reject(noEditor(program, cause)));
  });
  if (code !== 0)
    throw new FlotillaError("usage", `${program} ended with exit code ${code}; nothing was changed`);
}

function noEditor(program: string, cause: Error): FlotillaError {
  return new FlotillaError("usage", `the editor ${program} cannot be started`, {
    causes: [cause.message],
    hint: "EDITOR or VISUAL says which one to use",
    cause,
  });
}

/** What was typed must not be lost to somebody who was faster. */
async function keepEdited(error: unknown, text: Buffer, directory: string): Promise<unknown> {
  if (!(error instanceof FlotillaError)) return error;
  const path = `${directory}.edited`;
  await writeFile(path, text, { mode: 0o600 });
  return new FlotillaError(error.code, error.message, {
    causes: error.causes,
    hint: `what you have written is kept in ${path}`,
    cause: error,
  });
}
