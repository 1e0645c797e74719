/** `flotilla machine drain`: units go to other machines, told one by one. */
import type { DrainBody, DrainWish } from "#api/bodies.ts";
import { formatDuration } from "#base/duration.ts";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import { Progress } from "./terminal/progress.ts";
import type { Paint } from "./terminal/style.ts";

type DrainedUnit = DrainBody["units"][number];

/** Exit code 0 when the machine is drained, 1 when units stay or have failed, 7 when time is up. */
export async function drain(context: CommandContext): Promise<number> {
  const { args, options, io, client, format } = context;
  const [text = ""] = args;
  const deadlineMs = options.duration("deadline");
  const within = deadlineMs === undefined || deadlineMs === Number.POSITIVE_INFINITY ? {} : { deadlineMs };
  const wish = { force: options.flag("force"), ...within };
  if (options.flag("block")) return new DrainWait(text, wish, context).run();
  const api = await client();
  const done = await api.configureMachine(text, { drain: wish }, io.signal);
  const told = `${done.machine?.name ?? text}: draining; flotilla machine drain ${text} follows it`;
  if (isData(format)) await showData(io.stdout, done, format);
  else writeLines(io.stdout, [told]);
  return 0;
}

class DrainWait {
  readonly #machine: string;
  readonly #wish: DrainWish;
  readonly #context: CommandContext;
  readonly #timeUp = new AbortController();
  readonly #told = new Map<string, string>();
  readonly #progress: Progress;
  #last: DrainBody | undefined;

  constructor(machine: string, wish: DrainWish, context: CommandContext) {
    this.#machine = machine;
    this.#wish = wish;
    this.#context = context;
    this.#progress = new Progress(context.io.stderr, context.io.env.TERM);
  }

  async run(): Promise<number> {
    const { io, options, client } = this.#context;
    const timeoutMs = options.duration("timeout");
    const isBounded = timeoutMs !== undefined && Number.isFinite(timeoutMs);
    const timer = isBounded ? setTimeout(() => this.#timeUp.abort(), timeoutMs) : undefined;
    const api = await client();
    try {
      const signal = AbortSignal.any([io.signal, this.#timeUp.signal]);
      for await (const status of api.drain(this.#machine, this.#wish, signal)) this.#take(status);
    } finally {
      clearTimeout(timer);
      this.#progress.clear();
    }
    io.signal.throwIfAborted();
    return this.#end(timeoutMs ?? 0);
  }

  #take(status: DrainBody): void {
    this.#last = status;
    for (const unit of status.units) this.#tell(unit, status.machineName);
    const open = status.units.filter(({ phase }) => ["waiting", "starting", "stopping"].includes(phase));
    const [next] = open;
    if (next === undefined) return;
    const done = status.units.length - open.length;
    this.#progress.show(`${done}/${status.units.length} done; ${next.unit}: ${next.reason}`);
  }

  #tell(unit: DrainedUnit, from: string): void {
    const { io, paint, format } = this.#context;
    const line = lineOf(unit, from, paint);
    if (line === undefined || this.#told.get(unit.unit) === line) return;
    this.#told.set(unit.unit, line);
    if (format === "ndjson") writeLines(io.stdout, [JSON.stringify(unit)]);
    else if (!isData(format)) {
      this.#progress.clear();
      writeLines(io.stdout, [line]);
    }
  }

  async #end(timeoutMs: number): Promise<number> {
    const { io, format } = this.#context;
    const status = this.#last;
    if (status !== undefined && isData(format) && format !== "ndjson")
      await showData(io.stdout, status, format);
    const trouble = this.#trouble(timeoutMs);
    if (trouble !== undefined) throw trouble;
    if (!isData(format)) writeLines(io.stdout, [`${status?.machineName ?? this.#machine} is drained`]);
    return 0;
  }

  #trouble(timeoutMs: number): FlotillaError | undefined {
    const status = this.#last;
    if (this.#timeUp.signal.aborted) return tooLate(status, this.#machine, timeoutMs);
    if (status?.drain === null)
      return new FlotillaError("conflict", `the drain of ${status.machineName} was ended by somebody else`);
    if (status === undefined || !status.isOver)
      return new FlotillaError("unreachable", "the daemon ended the connection", {
        hint: "the drain goes on; the same command follows it again",
      });
    return unfinished(status);
  }
}

/** `web@1.service m2 → m3 active`; undefined for what is no news yet. */
function lineOf(
  { unit, phase, toName, reason }: DrainedUnit,
  from: string,
  paint: Paint,
): string | undefined {
  const way = `${unit} ${from} → ${toName ?? ""}`;
  switch (phase) {
    case "waiting":
    case "starting":
    case "stopping":
      return undefined;
    case "moved":
      return `${way} ${paint("green", reason)}`;
    case "failed":
      return `${way} ${paint("red", "failed")}: ${reason}`;
    case "staying":
      return `${unit} ${from} ${paint("yellow", "stays")}: ${reason}`;
    case "stopped":
      return `${unit} ${from} stopped: ${reason}`;
  }
}

function unfinished({ machineName, units }: DrainBody): FlotillaError | undefined {
  const staying = units.filter(({ phase }) => phase === "staying");
  const failed = units.filter(({ phase }) => phase === "failed");
  if (staying.length > 0)
    return new FlotillaError("unschedulable", `${machineName} keeps ${count(staying.length)}`, {
      causes: staying.map(({ unit, reason, refusals }) =>
        [`${unit}: ${reason}`, ...refusals.map((one) => `  ${one.machineName} ${one.text}`)].join("\n"),
      ),
      hint: `they go as soon as they fit elsewhere; flotilla machine drain --force ${machineName} stops them`,
    });
  if (failed.length === 0) return undefined;
  return new FlotillaError(
    "unit-failed",
    `${machineName} is drained, and ${count(failed.length)} failed elsewhere`,
    {
      causes: failed.map(({ unit, toName, reason }) => `${unit} on ${toName ?? "?"}: ${reason}`),
      hint: "flotilla status and flotilla journal of the unit tell more",
    },
  );
}

function tooLate(status: DrainBody | undefined, machine: string, timeoutMs: number): FlotillaError {
  const open = (status?.units ?? []).filter(({ phase }) =>
    ["waiting", "starting", "stopping"].includes(phase),
  );
  return new FlotillaError("timeout", `${machine} is not drained after ${formatDuration(timeoutMs)}`, {
    causes: open.slice(0, 10).map(({ unit, reason }) => `${unit}: ${reason}`),
    hint: "the drain goes on; the same command follows it again",
  });
}

function count(units: number): string {
  return units === 1 ? "1 unit" : `${units} units`;
}
