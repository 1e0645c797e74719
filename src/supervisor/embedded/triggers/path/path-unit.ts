/**
 * A path unit: starts its unit when a path is there or has changed (systemd.path(5), path.c).
 *
 * The watches are its shim's, so that a change while there is no supervisor is not missed. Between a trigger and the end
 * of what it started nothing is watched: what is there then counts, what has changed meanwhile does not, as in systemd.
 */
import { mkdirSync } from "node:fs";
import * as z from "zod";
import { randomId } from "#base/random.ts";
import type { PathSettings } from "#unit/read-path.ts";
import {
  type ActiveState,
  type JobOutcome,
  UNIT_RESULTS,
  type UnitFact,
  type UnitResult,
  type UnitStatus,
} from "../../../supervisor.ts";
import type { ShimEvent } from "../../shim/protocol.ts";
import { type ShimUser, UnitShim } from "../../shim/unit-shim.ts";
import { plainStatus } from "../../simple-unit.ts";
import { type LoadedUnit, titleOf, type Unit, type UnitHost } from "../../unit.ts";
import { Waiters } from "../../waiters.ts";
import { countTrigger } from "../trigger-limit.ts";
import { isUp, refusalToTrigger, triggersFact, whyNotQueued } from "../triggered-unit.ts";
import { checkPaths, WATCHED } from "./path-check.ts";
import { SYSTEM_LOOK } from "./path-look.ts";

/** systemd's sub states of a path and the active state each belongs to. */
const ACTIVE = { dead: "inactive", waiting: "active", running: "active", failed: "failed" } as const;

const memory = z.object({
  sub: z.enum(["dead", "waiting", "running", "failed"]),
  result: z.enum(UNIT_RESULTS),
  sinceMs: z.number(),
  invocation: z.string().exactOptional(),
  triggers: z.object({ beganMs: z.number(), count: z.number() }).exactOptional(),
  /** What was found last, and the last invocation of the unit before it was started for that. */
  asked: z.object({ path: z.string(), invocation: z.string() }).exactOptional(),
  existed: z.array(z.boolean()),
  /** The last trigger, until what it started is known to have begun. */
  triggered: z.object({ path: z.string(), atMs: z.number() }).exactOptional(),
  message: z.string().exactOptional(),
});

type PathState = z.infer<typeof memory>;

export class PathUnit implements Unit, ShimUser {
  readonly #host: UnitHost;
  /** Who waits until the watches are in place. */
  readonly #waiters = new Waiters();
  #loaded: LoadedUnit;
  #settings: PathSettings;
  #state: PathState;
  #shim: UnitShim | undefined;
  /** Whether the check that follows the next `observed` is of what is there, not of what has changed. */
  #isFresh = false;
  /** Watches are in place or asked for. To ask twice would drop what the first have seen. */
  #isWatched = false;
  /** How many times the shim was asked to watch and has not answered. */
  #unanswered = 0;
  #closed = false;

  constructor(host: UnitHost, loaded: LoadedUnit, settings: PathSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    this.#state = { sub: "dead", result: "success", sinceMs: host.clock.now(), existed: [] };
  }

  get loaded(): LoadedUnit {
    return this.#loaded;
  }

  get unit(): string {
    return this.#loaded.source.name;
  }

  replace(loaded: LoadedUnit): void {
    this.#loaded = loaded;
    if (loaded.definition.kind === "path") this.#settings = loaded.definition.settings;
    if (this.#state.sub === "waiting") this.#wait(false);
  }

  get active(): ActiveState {
    return ACTIVE[this.#state.sub];
  }

  state(): PathState {
    return this.#state;
  }

  status(): UnitStatus {
    const { sub, result, sinceMs, invocation, message } = this.#state;
    return {
      ...plainStatus(this.#loaded, sinceMs),
      active: ACTIVE[sub],
      sub,
      result,
      invocation,
      ...(message === undefined ? {} : { message }),
    };
  }

  facts(): readonly UnitFact[] {
    const watched = this.#settings.specs.map(({ kind, path }) => ({ label: kind, text: path }));
    return [...watched, ...triggersFact(this.#settings.unit, this.#host)];
  }

  async start(): Promise<JobOutcome> {
    if (this.active === "active") return { result: "done" };
    const { unit, makeDirectory } = this.#settings;
    const message = refusalToTrigger(unit, this.#host);
    if (message !== undefined) {
      this.#log(3, message);
      return { result: "failed", message };
    }
    if (makeDirectory) this.#makeDirectories();
    const { message: _, triggers: __, ...rest } = this.#state;
    this.#state = { ...rest, result: "success", invocation: randomId(this.#host.random) };
    this.#log(6, `Started ${titleOf(this.#loaded)}.`);
    this.#shim ??= UnitShim.start(this.#host, this);
    const outcome = this.#waiters.add("start");
    this.#wait(true);
    return outcome;
  }

  #makeDirectories(): void {
    const { specs, directoryMode } = this.#settings;
    for (const { kind, path } of specs) {
      if (kind === "PathExists" || kind === "PathExistsGlob") continue;
      try {
        mkdirSync(path, { recursive: true, mode: directoryMode });
      } catch (error) {
        this.#log(4, `mkdir(${path}) failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  async stop(): Promise<JobOutcome> {
    if (this.active === "active") {
      this.#log(6, `Stopped ${titleOf(this.#loaded)}.`);
      this.#enterDead("success");
    }
    return { result: "done" };
  }

  readonly canReload = false;

  async reload(): Promise<JobOutcome> {
    return { result: "skipped", message: "this unit cannot be reloaded" };
  }

  resetFailed(): void {
    if (this.#state.sub !== "failed") return;
    const { message: _, triggers: __, ...rest } = this.#state;
    this.#state = { ...rest, result: "success" };
    this.#enter("dead");
    this.#host.run.remember(this.unit, this.#state);
  }

  // --- waiting and triggering -----------------------------------------------------------------------------------

  /** Another unit has changed its state. */
  unitChanged(name: string): void {
    if (name !== this.#settings.unit || this.active !== "active" || this.#closed) return;
    const status = this.#host.statusOf(name);
    if (status?.startLimitHit === true) {
      this.#enterDead("unit-start-limit-hit");
    } else if (!this.#host.hasJob(name) && isUp(status) !== (this.#state.sub === "running")) {
      this.#wait(true);
    }
  }

  /** Looks whether there is something to do, and watches when not. It waits once the watches are in place. */
  #wait(isFresh: boolean): void {
    if (isUp(this.#host.statusOf(this.#settings.unit))) {
      this.#run();
      return;
    }
    if (this.#isWatched || this.#check(isFresh)) return;
    this.#isFresh = isFresh;
    this.#isWatched = true;
    this.#unanswered++;
    const { specs } = this.#settings;
    const path = specs.map((spec) => spec.path);
    this.#shim?.request({ kind: "observe", path, mask: specs.map(({ kind }) => WATCHED[kind]) });
  }

  /** True when the unit was started. */
  #check(isFresh: boolean): boolean {
    const { trigger, existed } = checkPaths(this.#settings.specs, SYSTEM_LOOK, this.#state.existed, isFresh);
    this.#state = { ...this.#state, existed: [...existed] };
    if (trigger === undefined) return false;
    this.#trigger(trigger);
    return true;
  }

  #trigger(path: string): void {
    const { unit, triggerLimit } = this.#settings;
    const triggers = countTrigger(triggerLimit, this.#state.triggers, this.#host.clock.now());
    if (triggers === undefined) {
      this.#log(4, "Trigger limit hit, refusing further activation.");
      this.#enterDead("trigger-limit-hit");
      return;
    }
    const { invocation = "" } = this.#host.statusOf(unit) ?? {};
    this.#state = { ...this.#state, triggers, asked: { path, invocation } };
    this.#run();
    this.#request(path);
  }

  #request(path: string): void {
    const variables = { TRIGGER_UNIT: this.unit, TRIGGER_PATH: path };
    this.#host.requestStart(this.#settings.unit, (outcome) => this.#startEnded(outcome), variables);
  }

  #run(): void {
    this.#enter("running");
    this.#isWatched = false;
    this.#shim?.request({ kind: "unobserve" });
    this.#waiters.settle("start", { result: "done" });
  }

  #startEnded(outcome: JobOutcome): void {
    if (this.#closed || this.active !== "active") return;
    const reason = whyNotQueued(outcome);
    if (reason === undefined) {
      this.unitChanged(this.#settings.unit);
      return;
    }
    this.#log(4, `Failed to queue unit startup job: ${reason}`);
    this.#enterDead("resources");
  }

  #enterDead(result: UnitResult): void {
    if (result !== "success") this.#log(4, `Failed with result '${result}'.`);
    this.#state = { ...this.#state, result };
    this.#isWatched = false;
    this.#enter(result === "success" ? "dead" : "failed");
    this.#waiters.settle("start", { result: result === "success" ? "canceled" : "failed" });
    this.#host.run.remember(this.unit, this.#state);
    const shim = this.#shim;
    this.#shim = undefined;
    void shim?.release();
  }

  #enter(sub: PathState["sub"]): void {
    const before = this.#state;
    const sinceMs = ACTIVE[sub] === ACTIVE[before.sub] ? before.sinceMs : this.#host.clock.now();
    this.#state = { ...before, sub, sinceMs };
    this.#shim?.save();
    if (sub !== before.sub) this.#host.changed(this.unit);
  }

  #log(priority: number, text: string): void {
    const line = text.includes(this.unit) ? text : `${this.unit}: ${text}`;
    if (this.#shim === undefined) this.#host.journal.append(this.unit, priority, line);
    else this.#shim.log(priority, line, this.#state.invocation);
  }

  // --- the shim --------------------------------------------------------------------------------------------------

  async adopt(): Promise<void> {
    const found = await UnitShim.find(this.#host, this);
    const kept = memory.safeParse(found === undefined ? this.#host.run.recall(this.unit) : found.saved);
    if (kept.success) this.#state = kept.data;
    this.#shim = found?.shim;
    if (found !== undefined && (!kept.success || this.active !== "active")) this.#enterDead("success");
  }

  /** All units are known again. */
  resume(): void {
    this.#shim?.listen();
    const { sub, asked } = this.#state;
    const status = this.#host.statusOf(this.#settings.unit);
    const wasHeard = isUp(status) || status?.invocation !== (asked?.invocation || undefined);
    // The last supervisor may have died between the trigger and the start.
    if (sub === "running" && asked !== undefined && !wasHeard) this.#request(asked.path);
    else this.unitChanged(this.#settings.unit);
  }

  onEvent(event: ShimEvent): void {
    if (this.#closed) return;
    if (event.kind === "observed") this.#observed(event.error);
    else if (event.kind === "touched" && this.#state.sub === "waiting")
      this.#touched(event.spec, event.primary);
  }

  /** Something may have come or gone between the look and the watch. */
  #observed(error: string | undefined): void {
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    // An answer to what has been asked anew since says nothing about the watches there are.
    if (this.#unanswered > 0) return;
    if (error !== undefined) {
      this.#log(4, `Failed to enter waiting state: ${error}`);
      this.#enterDead("resources");
    } else if (!isUp(this.#host.statusOf(this.#settings.unit)) && !this.#check(this.#isFresh)) {
      this.#enter("waiting");
      this.#waiters.settle("start", { result: "done" });
    }
  }

  #touched(spec: number, primary: boolean): void {
    const { path } = this.#settings.specs[spec] ?? {};
    if (primary && path !== undefined) this.#trigger(path);
    else this.#check(false);
    this.#shim?.save();
  }

  onLost(reason: string): void {
    const shim = this.#shim;
    if (shim === undefined) return;
    this.#shim = undefined;
    this.#host.run.forgetShim(this.unit, shim.id);
    this.#log(3, reason);
    this.#enterDead("resources");
  }

  close(): void {
    this.#closed = true;
    this.#waiters.settleAll({ result: "canceled", message: "the supervisor is closing" });
    void this.#shim?.letGo();
  }
}
