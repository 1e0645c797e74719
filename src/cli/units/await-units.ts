/** Waits until units have come to what was asked for, and says for each what became of it. */
import type { UnitChange, UnitRow } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext } from "../command.ts";
import { isData, writeLines } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { formatError } from "../terminal/show-error.ts";
import { type Goal, judgeUnit, type Verdict } from "./goals.ts";

/** Longer than a unit may take to start by systemd's default of 90 s. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** fleetctl's rounds. */
const BLOCK_ATTEMPT_MS = 2_000;
/**
 * An end counts when it still stands after so long: a state may have been published between the order to start anew
 * and the start.
 */
const SETTLE_MS = 400;

/** The names stand in the request's address, and with its headers that has room for 16 KiB. */
const WATCHED_AT_ONCE = 50;

/** Verdicts that end the waiting for a unit. */
type Final = Exclude<Verdict, { kind: "waiting" }>;

/** Resolves to the exit code when every unit is through; 7 when time is up. */
export async function awaitUnits(
  units: readonly string[],
  goal: Goal,
  context: CommandContext,
): Promise<number> {
  if (units.length === 0) return 0;
  return new UnitWait(units, goal, context).run();
}

/** @throws FlotillaError `usage` */
export function waitTimeoutMs({ options }: CommandContext): number {
  const attempts = options.count("block-attempts");
  if (attempts !== undefined) return attempts === 0 ? Number.POSITIVE_INFINITY : attempts * BLOCK_ATTEMPT_MS;
  return options.duration("timeout") ?? DEFAULT_TIMEOUT_MS;
}

class UnitWait {
  readonly #goal: Goal;
  readonly #context: CommandContext;
  readonly #total: number;
  readonly #open: Map<string, Verdict>;
  readonly #rows = new Map<string, readonly UnitRow[]>();
  readonly #ended = new AbortController();
  readonly #settling = new Map<string, NodeJS.Timeout>();
  readonly #failed: UnitRow[] = [];
  readonly #progress: Progress;
  #exit = 0;

  constructor(units: readonly string[], goal: Goal, context: CommandContext) {
    this.#goal = goal;
    this.#context = context;
    this.#total = units.length;
    this.#open = new Map(units.map((unit) => [unit, { kind: "waiting", text: "asked for" }]));
    this.#progress = new Progress(context.io.stderr, context.io.env.TERM);
  }

  async run(): Promise<number> {
    const timeoutMs = waitTimeoutMs(this.#context);
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => this.#giveUp(timeoutMs), timeoutMs)
      : undefined;
    try {
      await this.#follow();
    } finally {
      clearTimeout(timer);
      for (const settling of this.#settling.values()) clearTimeout(settling);
      this.#progress.clear();
    }
    if (!isData(this.#context.format)) await this.#showLastWords();
    return this.#exit;
  }

  async #follow(): Promise<void> {
    const client = await this.#context.client();
    const { signal } = this.#context.io;
    const end = AbortSignal.any([signal, this.#ended.signal]);
    const names = [...this.#open.keys()];
    const parts = Array.from({ length: Math.ceil(names.length / WATCHED_AT_ONCE) }, (_, part) =>
      names.slice(part * WATCHED_AT_ONCE, (part + 1) * WATCHED_AT_ONCE),
    );
    await Promise.all(
      parts.map(async (part) => {
        for await (const change of client.watchUnits(part, end)) this.#take(change);
      }),
    );
    signal.throwIfAborted();
    if (!this.#ended.signal.aborted) throw streamEnded();
  }

  #take({ names, units }: UnitChange): void {
    for (const unit of names) {
      if (!this.#open.has(unit)) continue;
      const rows = units.filter((row) => row.unit === unit);
      this.#rows.set(unit, rows);
      this.#judge(unit, false);
    }
    this.#showProgress();
  }

  #judge(unit: string, settled: boolean): void {
    const verdict = judgeUnit(this.#goal, this.#rows.get(unit) ?? []);
    clearTimeout(this.#settling.get(unit));
    this.#settling.delete(unit);
    if (verdict.kind === "waiting") {
      this.#open.set(unit, verdict);
    } else if (!verdict.settled && !settled) {
      this.#open.set(unit, { kind: "waiting", text: verdict.text });
      this.#settling.set(
        unit,
        setTimeout(() => this.#judge(unit, true), SETTLE_MS),
      );
    } else {
      this.#open.delete(unit);
      this.#report(unit, verdict);
    }
    if (this.#open.size === 0) this.#ended.abort();
  }

  #report(unit: string, verdict: Final): void {
    this.#progress.clear();
    if (verdict.kind === "reached") {
      this.#tellReached(unit, verdict.text);
      return;
    }
    this.#exit = 1;
    this.#tell(
      verdict.kind === "unplaced" ? unschedulable(unit, verdict.row) : unitFailed(unit, verdict.text),
    );
    if (verdict.kind === "failed") this.#failed.push(verdict.row);
  }

  #tellReached(unit: string, text: string): void {
    const { io, paint, format } = this.#context;
    if (isData(format)) return;
    writeLines(io.stdout, [format === "name" ? unit : `${unit}: ${paint("green", text)}`]);
  }

  #giveUp(timeoutMs: number): void {
    this.#progress.clear();
    this.#exit = 7;
    for (const [unit, verdict] of this.#open) this.#tell(this.#tooLate(unit, verdict.text, timeoutMs));
    this.#ended.abort();
  }

  #tooLate(unit: string, text: string, timeoutMs: number): FlotillaError {
    const state = PARTICIPLES[this.#goal];
    return new FlotillaError("timeout", `${unit} is not ${state} after ${timeoutMs / 1000} s: ${text}`, {
      hint: `it goes on without this command; flotilla why ${unit} says where it stands; --timeout waits longer`,
    });
  }

  #tell(error: FlotillaError): void {
    const { io, paintTalk, format } = this.#context;
    writeLines(
      io.stderr,
      isData(format) ? [JSON.stringify({ error })] : formatError(error.toJSON(), paintTalk),
    );
  }

  #showProgress(): void {
    const [next] = this.#open;
    if (next === undefined) return;
    const done = this.#total - this.#open.size;
    this.#progress.show(
      `${done}/${this.#total} ${PARTICIPLES[this.#goal]}; waiting for ${next[0]}: ${next[1].text}`,
    );
  }

  /** A failed unit's own words are the shortest way to why. */
  async #showLastWords(): Promise<void> {
    const { io, paintTalk } = this.#context;
    const client = await this.#context.client();
    for (const row of this.#failed.slice(0, JOURNALS_SHOWN)) {
      const lines = await lastLines(client, row);
      if (lines.length === 0) continue;
      writeLines(io.stderr, [
        paintTalk("dim", `  last lines of ${row.unit}:`),
        ...lines.map((line) => `    ${line}`),
      ]);
    }
  }
}

const PARTICIPLES: Readonly<Record<Goal, string>> = {
  launched: "started",
  loaded: "loaded",
  stopped: "stopped",
  active: "active",
  inactive: "inactive",
  failed: "failed",
  finished: "finished",
  unloaded: "unloaded",
  gone: "destroyed",
};

const JOURNALS_SHOWN = 3;
/** So many that what the program itself said is among them, also where its last restart was refused. */
const JOURNAL_LINES = 10;

/** None when the journal cannot be read: the failure itself has been told. */
async function lastLines(client: FlotillaClient, row: UnitRow): Promise<string[]> {
  const machine = row.machine === null ? {} : { machine: row.machine };
  try {
    const entries = await Array.fromAsync(client.journal(row.unit, { lines: JOURNAL_LINES, ...machine }));
    return entries.map((entry) => entry.message);
  } catch {
    return [];
  }
}

/** Why no machine takes the unit, machine by machine. */
export function unschedulable(unit: string, row: UnitRow): FlotillaError {
  const { summary = "", refusals = [] } = row.unplaced ?? {};
  return new FlotillaError("unschedulable", `${unit} fits on no machine: ${summary}`, {
    causes: refusals.map(({ machineName, text }) => `${machineName}: ${text}`),
    hint: `it starts by itself as soon as it fits somewhere; flotilla why ${unit} tells more`,
  });
}

function unitFailed(unit: string, text: string): FlotillaError {
  return new FlotillaError("unit-failed", `${unit} ${text}`, {
    hint: `flotilla status ${unit}; flotilla journal -n 50 ${unit}; to try again: flotilla start ${unit}`,
  });
}

function streamEnded(): FlotillaError {
  return new FlotillaError("unreachable", "the daemon ended the connection", {
    hint: "what was asked for is stored and goes on; flotilla status shows how far it is",
  });
}
