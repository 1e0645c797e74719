/**
 * The journal of a machine: a directory a unit, and the supervisor's own as that of `init.scope`, systemd's name for the
 * manager. It owns the form of the files (record.ts), reading them (read-journal.ts), how much is kept (limits.ts), and
 * the lines about units that have no shim.
 *
 * Invariants: whoever writes, a unit's shim, the shim before it or this, appends whole lines, and points to sources only
 * by where they have come to. What is written is with
 * the kernel at once, so that no end of any process loses it; a line of priority 2 or graver is with the disk too, the
 * rest within the kernel's half minute. A journal that cannot be written costs lines, and says how many, never a unit.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import { Boots } from "./boots.ts";
import {
  filesToRemove,
  type JournalFile,
  type JournalLimits,
  journalLimits,
  type UnitShare,
  unitShare,
} from "./limits.ts";
import { messageFields } from "./messages.ts";
import { JournalReader } from "./read-journal.ts";
import { formatEntry, formatFields, formatSource, NEWLINE, type WrittenLine } from "./record.ts";
import { journalFiles, listDirectory } from "./unit-log.ts";

/** systemd's name for what the manager itself runs as. */
export const SUPERVISOR_UNIT = "init.scope";

export interface JournalOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** 32 hex digits each. */
  readonly boot: string;
  readonly machine: string;
  readonly host: string;
  readonly limits?: Partial<JournalLimits>;
}

/** Where a shim writes what its unit does, how much of it, and the fields of every line. */
export interface JournalPlace extends UnitShare {
  readonly directory: string;
  /** Of what the unit itself writes, in the form of record.ts. */
  readonly unitFields: string;
  /** Of what the shim writes about it. */
  readonly ownFields: string;
}

export type Fields = Readonly<Record<string, string | number | undefined>>;

export class Journal {
  readonly #directory: string;
  readonly #clock: Clock;
  /** What all lines have in common, and what all of the supervisor's have, in the form of record.ts. */
  readonly #machineFields: string;
  readonly #supervisorFields: string;
  readonly #reader: JournalReader;
  readonly #limits: JournalLimits;
  #lost = 0;
  /** Of the units that are loaded; what else has a journal may lose all of it. */
  #isLoaded: (unit: string) => boolean = () => true;
  #sweeping = false;

  constructor({ directory, clock, boot, machine, host, limits = {} }: JournalOptions) {
    this.#directory = directory;
    this.#clock = clock;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const machineFields = { _MACHINE_ID: machine, _HOSTNAME: host, _BOOT_ID: boot };
    this.#machineFields = formatFields(machineFields);
    this.#supervisorFields = formatFields({
      ...machineFields,
      _PID: process.pid,
      _UID: process.getuid?.(),
      _GID: process.getgid?.(),
      _EXE: process.execPath,
      _SYSTEMD_UNIT: SUPERVISOR_UNIT,
      SYSLOG_IDENTIFIER: "flotilla",
    });
    this.#reader = new JournalReader(directory, new Boots(join(directory, "boots"), boot));
    const { blocks, bsize } = statfsSync(directory);
    this.#limits = journalLimits(limits, blocks * bsize);
  }

  /** What the shim of a unit needs to know. */
  placeOf(unit: string, slice = "system.slice"): JournalPlace {
    return {
      ...unitShare(this.#limits),
      directory: join(this.#directory, unit),
      unitFields: `${this.#machineFields}\t${formatFields({
        _TRANSPORT: "stdout",
        _SYSTEMD_UNIT: unit,
        _SYSTEMD_SLICE: slice,
      })}`,
      ownFields: this.fieldsAbout(unit, "", { _TRANSPORT: "driver" }),
    };
  }

  /** Fields of a message of the supervisor's about a unit, in the form of record.ts. */
  fieldsAbout(unit: string, text: string, fields: Fields = {}): string {
    const message = {
      _TRANSPORT: "journal",
      ...(unit === SUPERVISOR_UNIT ? {} : { UNIT: unit }),
      ...messageFields(unit, text),
      ...fields,
    };
    return `${this.#supervisorFields}\t${formatFields(message)}`;
  }

  /** A line of the supervisor's own about a unit that has no shim, or about itself. */
  append(unit: string, priority: number, text: string, fields: Fields = {}): void {
    if (this.#lost > 0 && this.#write(unit, 4, `${this.#lost} messages were lost: the disk was full`, {}))
      this.#lost = 0;
    if (!this.#write(unit, priority, text, fields)) this.#lost++;
  }

  #write(unit: string, priority: number, message: string, fields: Fields): boolean {
    const timeUs = Math.round(this.#clock.now() * 1000);
    const monotonicUs = Number(process.hrtime.bigint() / 1000n);
    const line = { timeUs, monotonicUs, priority, message, fields: this.fieldsAbout(unit, message, fields) };
    const directory = join(this.#directory, unit);
    const { fileBytes } = unitShare(this.#limits);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      appendTo(directory, fileBytes, line);
      return true;
    } catch {
      return false;
    }
  }

  /** Entries in the order they were written in, over all units that are asked for. */
  read(query: JournalQuery): AsyncIterable<JournalEntry> {
    return this.#reader.read(query);
  }

  /** Removes what is too old or too much, now and whenever a shim begins a new file. */
  sweep(isLoaded: (unit: string) => boolean = this.#isLoaded): void {
    this.#isLoaded = isLoaded;
    if (this.#sweeping) return;
    this.#sweeping = true;
    // Many shims may begin new files at once.
    setImmediate(() => {
      this.#sweeping = false;
      this.#removeFiles();
    });
  }

  #removeFiles(): void {
    const files = listDirectory(this.#directory).flatMap((unit) => this.#filesOf(unit));
    for (const { unit, number } of filesToRemove(files, this.#limits, this.#clock.now())) {
      const directory = join(this.#directory, unit);
      rmSync(join(directory, String(number)), { force: true });
      removeEmpty(directory);
    }
  }

  #filesOf(unit: string): readonly JournalFile[] {
    const directory = join(this.#directory, unit);
    const numbers = journalFiles(directory);
    return numbers.flatMap((number) => {
      const stats = statSync(join(directory, String(number)), { throwIfNoEntry: false });
      if (stats === undefined) return [];
      const inUse = number === numbers.at(-1) && (unit === SUPERVISOR_UNIT || this.#isLoaded(unit));
      return [{ unit, number, bytes: stats.blocks * 512, writtenMs: stats.mtimeMs, inUse }];
    });
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It is not empty.
  }
}

/** Appends to a unit's newest file, or to a new one where that is full or the clock has gone back since. */
function appendTo(directory: string, fileBytes: number, line: WrittenLine): void {
  const newest = journalFiles(directory).at(-1) ?? 1;
  const file = openSync(join(directory, String(newest)), "a+", 0o600);
  const stats = fstatSync(file);
  try {
    if (stats.size < fileBytes && stats.mtimeMs * 1000 <= line.timeUs + CLOCK_SLACK_US) {
      appendLine(file, stats, line);
      return;
    }
  } finally {
    closeSync(file);
  }
  const next = openSync(join(directory, String(newest + 1)), "a+", 0o600);
  try {
    appendLine(next, fstatSync(next), line);
  } finally {
    closeSync(next);
  }
}

/** Between the clocks of files and of processes. */
const CLOCK_SLACK_US = 50_000;

/**
 * Where the source has come to is asked once it is there, since the unit's shim may write as well. A last line that is
 * torn is closed by what no line holds, so that it is not taken for a whole one.
 */
function appendLine(file: number, { size }: Stats, line: WrittenLine): void {
  const last = Buffer.alloc(1, NEWLINE);
  if (size > 0) readSync(file, last, 0, 1, size - 1);
  const source = formatSource(line);
  writeWhole(file, last[0] === NEWLINE ? source : `\0\n${source}`);
  writeWhole(file, formatEntry(line, endOfWritten(file) - Buffer.byteLength(source)));
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text);
  if (writeSync(file, bytes) < bytes.length) throw new Error("the disk is full");
}

/** Where what was written last through this descriptor ends; Node itself does not tell. */
function endOfWritten(file: number): number {
  const [, position] = /^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, "utf8")) ?? [];
  return Number(position);
}
