/** Services on paper, for tests of the core: events in, sub states and actions out. */
import { readService } from "#unit/read-service.ts";
import type { ServiceSettings } from "#unit/service.ts";
import { ANY_MACHINE, specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import {
  initialState,
  type NamedProcess,
  type ProcessEnd,
  type ServiceAction,
  type ServiceEvent,
  type ServiceState,
} from "./state.ts";
import { step } from "./step.ts";

export function settingsOf(...lines: readonly string[]): ServiceSettings {
  const file = parseUnitFile(`[Service]\n${lines.join("\n")}\n`);
  const { settings } = readService(file, specifierContext("a.service", ANY_MACHINE));
  if (settings === undefined) throw new Error(`not a service: ${lines.join("; ")}`);
  return settings;
}

/** A service on paper: events in, sub states and actions out. */
export class Paper {
  readonly settings: ServiceSettings;
  state: ServiceState = initialState(0);
  actions: readonly ServiceAction[] = [];
  nowMs = 0;
  /** Whose namespaces a run that begins shares. */
  namespaceOwner: string | undefined;
  /** What PIDFile= names. */
  pidFile: NamedProcess | undefined;

  constructor(...lines: readonly string[]) {
    this.settings = settingsOf(...lines);
  }

  send(event: ServiceEvent): string {
    const context = {
      unit: "a.service",
      title: "a.service - A",
      settings: this.settings,
      nowMs: this.nowMs,
      monotonicUs: this.nowMs * 1000,
      chance: 0.5,
      pidFile: this.pidFile,
      namespaceOwner: this.namespaceOwner,
      invocation: `at ${this.nowMs}`,
    };
    ({ state: this.state, actions: this.actions } = step(context, this.state, event));
    return this.state.sub;
  }

  started(run: number): string {
    return this.send({ kind: "started", run, pid: 100 + run });
  }

  exited(run: number, end: ProcessEnd, more: { last?: boolean } = {}): string {
    return this.send({ kind: "exited", run, pid: 100 + run, end, last: false, ...more });
  }

  notify(run: number | undefined, ...lines: readonly string[]): string {
    return this.notifyWith([], run, ...lines);
  }

  /** The message brings file descriptors to be stored. */
  notifyWith(sent: readonly number[], run: number | undefined, ...lines: readonly string[]): string {
    return this.send({
      kind: "notify",
      pid: 100 + (run ?? 900),
      uid: 0,
      ...(run === undefined ? {} : { run }),
      text: lines.join("\n"),
      fds: sent.map((fd) => ({ fd, same: [] })),
    });
  }

  /** The process ends and leaves nothing behind. */
  gone(run: number, end: ProcessEnd): string {
    this.exited(run, end, { last: true });
    return this.send({ kind: "empty" });
  }

  /** What a restart job does. */
  restart(): string {
    return this.send({ kind: "start" });
  }

  /** Lines that went to the journal. */
  lines(): readonly string[] {
    return this.actions.flatMap((action) => (action.kind === "log" ? [action.text] : []));
  }

  /** The service is up: started, and ready where it has to say so. */
  up(): string {
    this.send({ kind: "start" });
    this.started(1);
    this.send({ kind: "execed", run: 1 });
    return this.notify(1, "READY=1");
  }

  /** Goes to the time of the deadline, which comes. */
  timeOut(): string {
    this.nowMs = this.state.deadlineMs ?? this.nowMs;
    return this.send({ kind: "deadline" });
  }

  /** What is signalled, in order. */
  signals(): readonly string[] {
    return this.actions.flatMap((action) =>
      action.kind === "kill" ? [`${action.signal}${action.run === undefined ? "" : ` ${action.run}`}`] : [],
    );
  }

  kinds(): readonly string[] {
    return this.actions.map(({ kind }) => kind).filter((kind) => kind !== "log");
  }
}
