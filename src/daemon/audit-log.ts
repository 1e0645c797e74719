/**
 * The audit log on this machine's disk: `DIR/audit/`, lines of JSON, in files of bounded size and number.
 *
 * Those who were not let in have a book of their own, so that a stranger who knocks a million times pushes out nothing
 * but what other strangers did. A disk that is full or slow loses entries, which are counted and told, and stops nobody.
 */
import { createReadStream } from "node:fs";
import { appendFile, chmod, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AuditLog } from "#api/audit.ts";
import { type AuditEntry, auditEntrySchema } from "#api/bodies.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { makeDirectories } from "#host/files.ts";
import { AuditFollowers } from "./audit-followers.ts";

interface Means {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface BookLimits {
  readonly fileBytes: number;
  /** Full files that are kept beside the one that is written. */
  readonly files: number;
}

/** Some 300,000 entries of those who were let in, and 30,000 of others. */
const CHANGES: BookLimits = { fileBytes: 8 * 1024 * 1024, files: 7 };
const STRANGERS: BookLimits = { fileBytes: 2 * 1024 * 1024, files: 2 };

/** More that wait for the disk are lost. */
const WAITING_MAX = 10_000;
/** A request waits no longer for its entry to be written. */
const PATIENCE_MS = 200;

/** @param directory is made when the first entry comes */
export function openAuditLog(directory: string, means: Means): AuditLog {
  const changes = new Book(directory, "changes", CHANGES, means);
  const strangers = new Book(directory, "strangers", STRANGERS, means);
  const read = (sinceMs: number): AsyncGenerator<AuditEntry, void> =>
    inOrder([changes.read(sinceMs), strangers.read(sinceMs)]);
  const settled = async (): Promise<void> => {
    await Promise.all([changes.settled(), strangers.settled()]);
  };
  const followers = new AuditFollowers({ read, settled });
  const distinct = distinctTimes();
  return {
    note: (entry, isStranger) => {
      const noted = { ...entry, timeMs: distinct(entry.timeMs) };
      followers.tell(noted);
      return (isStranger ? strangers : changes).note(noted);
    },
    read,
    follow: (afterMs, signal) => followers.follow(afterMs, signal),
  };
}

/** No two entries of a machine are of the same time, so that a time says where to go on. */
function distinctTimes(): (timeMs: number) => number {
  let lastMs = 0;
  return (timeMs) => {
    lastMs = Math.floor(lastMs) === timeMs ? lastMs + 0.001 : timeMs;
    return lastMs;
  };
}

/** Entries of several books by their times. */
async function* inOrder(
  books: readonly AsyncGenerator<AuditEntry, void>[],
): AsyncGenerator<AuditEntry, void> {
  const heads = await Promise.all(books.map(async (book) => ({ book, next: await book.next() })));
  for (;;) {
    const open = heads.flatMap((head) => (head.next.done === true ? [] : [{ head, entry: head.next.value }]));
    const [first, ...others] = open;
    if (first === undefined) return;
    const { head, entry } = others.reduce(
      (best, one) => (one.entry.timeMs < best.entry.timeMs ? one : best),
      first,
    );
    yield entry;
    head.next = await head.book.next();
  }
}

/** One series of files: `NAME.ndjson` is written, `NAME.TIME.ndjson` are full. */
export class Book {
  readonly #directory: string;
  readonly #name: string;
  readonly #limits: BookLimits;
  readonly #means: Means;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #lost = 0;

  constructor(directory: string, name: string, limits: BookLimits, means: Means) {
    this.#directory = directory;
    this.#name = name;
    this.#limits = limits;
    this.#means = means;
  }

  async note(entry: AuditEntry): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(`${JSON.stringify(entry)}\n`);
    this.#writing ??= this.#writeAll();
    const late = Promise.withResolvers<void>();
    const timer = this.#means.clock.setTimer(PATIENCE_MS, () => late.resolve());
    await Promise.race([this.#writing, late.promise]);
    timer.cancel();
  }

  /** Resolves when what was noted until now is on the disk, or lost. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Lines that a crash has cut off are left out. */
  async *read(sinceMs: number): AsyncGenerator<AuditEntry, void> {
    for (const path of await this.#paths(sinceMs)) {
      const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
      for await (const line of lines) {
        const entry = auditEntrySchema.safeParse(parseJson(line)).data;
        if (entry !== undefined && entry.timeMs >= sinceMs) yield entry;
      }
    }
  }

  /** One writer at a time; what comes meanwhile goes with the next write. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      const before = this.#lost;
      await this.#write([...this.#tellLost(), ...lines]).then(
        () => {
          this.#lost -= before;
        },
        (error: unknown) => this.#lose(lines.length, error),
      );
    }
    this.#writing = undefined;
  }

  async #write(lines: readonly string[]): Promise<void> {
    await makeDirectories(this.#directory);
    await chmod(this.#directory, 0o700);
    const path = join(this.#directory, `${this.#name}.ndjson`);
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    if (size >= this.#limits.fileBytes) await this.#turnOver(path);
    await appendFile(path, lines.join(""), { mode: 0o600 });
  }

  async #turnOver(path: string): Promise<void> {
    const timeMs = String(this.#means.clock.now()).padStart(15, "0");
    await rename(path, join(this.#directory, `${this.#name}.${timeMs}.ndjson`));
    const full = await this.#fullFiles();
    for (const name of full.slice(0, Math.max(0, full.length - this.#limits.files)))
      await rm(join(this.#directory, name), { force: true });
  }

  /** Names of the full files, oldest first. */
  async #fullFiles(): Promise<readonly string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    return names.filter((name) => new RegExp(`^${this.#name}\\.\\d+\\.ndjson$`).test(name)).sort();
  }

  /** Files that may have entries since then: a full one has none after the time in its name. */
  async #paths(sinceMs: number): Promise<readonly string[]> {
    const full = (await this.#fullFiles()).filter((name) => Number(name.split(".").at(-2)) >= sinceMs);
    const current = `${this.#name}.ndjson`;
    const isThere = await stat(join(this.#directory, current)).then(
      () => true,
      () => false,
    );
    return [...full, ...(isThere ? [current] : [])].map((name) => join(this.#directory, name));
  }

  #tellLost(): readonly string[] {
    if (this.#lost === 0) return [];
    const entry: AuditEntry = {
      ...{ timeMs: this.#means.clock.now(), caller: "flotilla", address: "", route: "", outcome: "lost" },
      what: [`${this.#lost} entries could not be written`],
    };
    return [`${JSON.stringify(entry)}\n`];
  }

  #lose(count: number, error: unknown): void {
    if (this.#lost === 0)
      this.#means.log.error(
        { error: String(error) },
        "the audit log cannot be written; changes go on without it",
      );
    this.#lost += count;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
