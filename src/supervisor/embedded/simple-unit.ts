/** Units without processes: targets and slices, which are only active or not, and those that cannot be run here at all. */

import * as z from "zod";
import { randomId } from "#base/random.ts";
import type { ActiveState, JobOutcome, UnitStatus } from "../supervisor.ts";
import { type LoadedUnit, titleOf, type Unit, type UnitHost } from "./unit.ts";
import { loadStateOf } from "./unit-table.ts";

const memory = z.object({ sinceMs: z.number(), invocation: z.string(), active: z.boolean() });

/** What systemd says when such a unit has become active, and when it no longer is. */
const VERBS = {
  target: ["Reached target", "Stopped target"],
  slice: ["Created slice", "Removed slice"],
} as const;

/** A unit whose whole state is whether it is active. */
export class SimpleUnit implements Unit {
  readonly #host: UnitHost;
  #loaded: LoadedUnit;
  #isActive = false;
  #sinceMs: number;
  #invocation: string | undefined;

  constructor(host: UnitHost, loaded: LoadedUnit) {
    this.#host = host;
    this.#loaded = loaded;
    this.#sinceMs = host.clock.now();
  }

  get loaded(): LoadedUnit {
    return this.#loaded;
  }

  replace(loaded: LoadedUnit): void {
    this.#loaded = loaded;
  }

  get active(): ActiveState {
    return this.#isActive ? "active" : "inactive";
  }

  status(): UnitStatus {
    return {
      ...plainStatus(this.#loaded, this.#sinceMs),
      active: this.active,
      sub: this.#isActive ? "active" : "dead",
      invocation: this.#invocation,
    };
  }

  async adopt(): Promise<void> {
    const remembered = memory.safeParse(this.#host.run.recall(this.#loaded.source.name));
    if (!remembered.success) return;
    this.#isActive = remembered.data.active;
    this.#sinceMs = remembered.data.sinceMs;
    this.#invocation = remembered.data.invocation;
  }

  async start(): Promise<JobOutcome> {
    const { definition } = this.#loaded;
    if (definition.kind === "unsupported") return { result: "unsupported", message: definition.message };
    this.#invocation = randomId(this.#host.random);
    this.#set(true);
    return { result: "done" };
  }

  async stop(): Promise<JobOutcome> {
    this.#set(false);
    return { result: "done" };
  }

  readonly canReload = false;

  async reload(): Promise<JobOutcome> {
    return { result: "skipped", message: "this unit cannot be reloaded" };
  }

  resetFailed(): void {
    // Nothing of this kind can fail.
  }

  close(): void {
    // Nothing is held.
  }

  #set(active: boolean): void {
    if (active === this.#isActive) return;
    const { name } = this.#loaded.source;
    this.#isActive = active;
    this.#sinceMs = this.#host.clock.now();
    this.#host.run.remember(name, { active, sinceMs: this.#sinceMs, invocation: this.#invocation ?? "" });
    const [reached, left] = VERBS[this.#loaded.definition.kind === "slice" ? "slice" : "target"];
    this.#host.journal.append(name, 6, `${active ? reached : left} ${titleOf(this.#loaded)}.`);
    this.#host.changed(name);
  }
}

/** The status of a unit that has never been started, as its file alone makes it. */
export function plainStatus(loaded: LoadedUnit, sinceMs: number): UnitStatus {
  const { source, definition } = loaded;
  return {
    name: source.name,
    file: source.file,
    load: loadStateOf(definition),
    active: "inactive",
    sub: "dead",
    result: "success",
    sinceMs,
    invocation: undefined,
    restarts: 0,
    completed: false,
    ...("message" in definition ? { message: definition.message } : {}),
  };
}
