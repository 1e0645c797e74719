/**
 * The machine's journal, read by journalctl(1): a child process a query, which ends with it.
 *
 * journalctl cannot follow units that match a pattern and come up later, nor find the last so many lines with a text
 * but backwards; such queries are put together from ones that it can answer.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { FlotillaError } from "#base/errors.ts";
import { selectsUnit } from "../../journal-filter.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import { parseEntry } from "./journal-entry.ts";
import { journalctlArguments } from "./journalctl-arguments.ts";

/** Of what journalctl says is wrong. */
const LONGEST_COMPLAINT = 2_000;

type Process = ChildProcessByStdio<null, Readable, Readable>;

export class Journalctl {
  readonly #command: readonly string[];
  readonly #running = new Set<Process>();

  /** @param command journalctl, and what is to be run before it */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  async *read(query: JournalQuery): AsyncGenerator<JournalEntry> {
    if (query.units?.length === 0) return;
    const isPlain = query.grep === undefined && !hasPattern(query);
    if (query.follow !== true || isPlain) yield* this.#readOnce(query);
    else yield* this.#readAndFollow(query);
  }

  /** What is there, then what comes behind it. */
  async *#readAndFollow({ lines, ...query }: JournalQuery): AsyncGenerator<JournalEntry> {
    const beginUs = Date.now() * 1000;
    let after = query.after;
    const there = { ...query, follow: false, ...(lines === undefined ? {} : { lines }) };
    for await (const entry of this.#readOnce(there)) {
      after = entry.cursor;
      yield entry;
    }
    if (query.signal?.aborted) return;
    const { units: _, sinceUs = 0, ...rest } = query;
    const begin = after === undefined ? { sinceUs: Math.max(sinceUs, beginUs) } : { after };
    const selected = hasPattern(query) ? rest : query;
    for await (const entry of this.#run({ ...selected, ...begin }))
      if (selectsUnit(query, entry.unit)) yield entry;
  }

  async *#readOnce(query: JournalQuery): AsyncGenerator<JournalEntry> {
    const isLast = query.grep !== undefined && query.lines !== undefined && query.reverse !== true;
    if (!isLast) {
      yield* this.#run(query);
      return;
    }
    const found: JournalEntry[] = [];
    for await (const entry of this.#run({ ...query, reverse: true })) found.push(entry);
    yield* found.reverse();
  }

  async *#run(query: JournalQuery): AsyncGenerator<JournalEntry> {
    if (query.follow !== true || query.boot !== undefined) yield* this.#runAsTold(query);
    else yield* this.#runAsTold({ ...query, ...(await this.#bootOfJournald(query)) });
  }

  /**
   * Who follows gets the current boot only, and by default journalctl takes its ID from the kernel. In a container that
   * is another one than journald's, for processes with a /proc of their own, as the daemon of a confined service is.
   */
  async #bootOfJournald({ signal }: JournalQuery): Promise<Pick<JournalQuery, "boot">> {
    const last: JournalQuery = { lines: 1, ...(signal === undefined ? {} : { signal }) };
    for await (const { boot } of this.#runAsTold(last)) return { boot };
    return {};
  }

  async *#runAsTold(query: JournalQuery): AsyncGenerator<JournalEntry> {
    const [program = "journalctl", ...before] = this.#command;
    const { signal } = query;
    if (signal?.aborted) return;
    const child = spawn(program, [...before, ...journalctlArguments(query)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines = createInterface({ input: child.stdout });
    // Who wants no more waits for nobody, not even for a child that is slow to die.
    const end = (): void => {
      child.kill();
      lines.close();
    };
    signal?.addEventListener("abort", end, { once: true });
    this.#running.add(child);
    const complaint = collect(child);
    const gone = once(child, "close").catch(() => undefined);
    try {
      for await (const line of lines) {
        const entry = parseEntry(line);
        if (entry !== undefined) yield entry;
      }
      if (signal?.aborted) return;
      await gone;
      // Like grep, it fails in silence where nothing is found.
      const isFailure = child.exitCode !== 0 && child.signalCode === null;
      if (isFailure && complaint() !== "") throw failed(complaint());
    } finally {
      signal?.removeEventListener("abort", end);
      this.#running.delete(child);
      child.kill();
      child.stdout.destroy();
      child.stderr.destroy();
    }
  }

  close(): void {
    for (const child of this.#running) child.kill();
  }
}

function hasPattern({ units = [] }: JournalQuery): boolean {
  return units.some((unit) => /[*?[]/.test(unit));
}

/** What the child says is wrong, as far as it has. */
function collect(child: Process): () => string {
  let said = "";
  child.on("error", (error) => {
    said += error.message;
  });
  child.stderr.on("data", (bytes) => {
    said = `${said}${String(bytes)}`.slice(0, LONGEST_COMPLAINT);
  });
  return () => said.trim();
}

function failed(complaint: string): FlotillaError {
  return new FlotillaError("bad-request", "the journal cannot be read so", {
    causes: complaint === "" ? [] : complaint.split("\n"),
    hint: "journalctl(1) says what patterns, cursors and matches look like",
  });
}
