/** Why a daemon ended, from the log that its machine's directory keeps. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { DevMachine } from "./layout.ts";

export interface LastWords {
  readonly message: string;
  readonly causes: readonly string[];
  readonly hint: string | undefined;
}

/** An error of the daemon with its causes has a few hundred bytes; a stack of Node's some more. */
const TAIL_BYTES = 8_192;

export function daemonLogOf(machine: Pick<DevMachine, "directory">): string {
  return join(machine.directory, "daemon.log");
}

/** The last error in the machine's log; undefined where the log is empty or not there. */
export async function lastWords(machine: Pick<DevMachine, "directory">): Promise<LastWords | undefined> {
  return readLastWords(await readTail(daemonLogOf(machine)).catch(() => ""));
}

/** The last error that a program of ours has written into the text; without one the last line, whatever it is. */
export function readLastWords(text: string): LastWords | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const at = lines.findLastIndex((line) => line.startsWith("error["));
  const message = lines[at === -1 ? lines.length - 1 : at];
  if (message === undefined) return undefined;
  const details = at === -1 ? [] : lines.slice(at + 1);
  return { message, causes: marked("cause", details), hint: marked("hint", details)[0] };
}

function marked(mark: "cause" | "hint", lines: readonly string[]): readonly string[] {
  const start = `  ${mark}: `;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(TAIL_BYTES), position: from });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
