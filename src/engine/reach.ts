/**
 * Which machines nobody reaches any more, long before their leases end: the engine's machine knocks at each, and at one
 * that is silent others knock as well. A few deputies knock at the engine's machine, since that may be the one that went.
 *
 * To knock is to open a connection and to close it. Where the engine's machine has just knocked at a deputy, that one need
 * not knock in turn. What is looked for is the machine, not its daemon: a machine that
 * refuses the connection, or takes it and says nothing, is there, and so are its units; its daemon is being started
 * again, or is slow. Invariants: a machine counts as unreachable only when this one and at least one other got no sign of
 * it, and none did; with the next sign it counts as reachable, and when the store has been away. It decides nothing,
 * neither about units nor who is elected.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import type { MachineRecord } from "#model/records.ts";

/** The way to other machines. */
export interface Reach {
  /**
   * Whether the machine gave any sign within the time that is meant for it: {@link SILENT_MS}, and as long again as
   * others have for theirs. One that is only far away takes as long as its network.
   */
  knock(machine: MachineRecord): Promise<boolean>;
  /** Milliseconds since the machine itself opened a connection to this one; infinite where nothing is known of one. */
  heardMsAgo(machine: MachineRecord): number;
  /** The same as {@link knock}, as another machine finds it; undefined when that one does not say. */
  knockFrom(peer: MachineRecord, machine: MachineRecord): Promise<boolean | undefined>;
}

export interface ReachWatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: Pick<ClusterMirror, "view" | "connected">;
  readonly reach: Reach;
  /** This machine's ID. */
  readonly machine: string;
  readonly onChange: () => void;
}

/** Time between two rounds; with many machines so much each, so that knocking stays below 0.5 % of a core. */
const ROUND_MS = 1_000;
const PER_MACHINE_MS = 50;
/** For how long a deputy that has heard the engine's machine does without knocking: the next time may be a little late. */
const HEARD_MS = ROUND_MS + 150;
/** When others are asked about a machine that has given no sign; one that comes late still counts. */
export const SILENT_MS = 300;
/** How many others are asked about a silent machine. */
const PEERS_ASKED = 3;
/** How many machines watch the engine's. */
const DEPUTIES = 3;

export class ReachWatch {
  readonly #options: ReachWatchOptions;
  #unreachable = new Set<string>();
  #timer: Timer | undefined;
  #round = 0;

  constructor(options: ReachWatchOptions) {
    this.#options = options;
  }

  get unreachable(): ReadonlySet<string> {
    return this.#unreachable;
  }

  start(): void {
    void this.#go(this.#round);
  }

  /** Forgets what it knows, for good. */
  stop(): void {
    this.#round += 1;
    this.#timer?.cancel();
    this.#unreachable = new Set();
  }

  async #go(round: number): Promise<void> {
    const { clock, cluster, log } = this.#options;
    // While the store is away nothing can be decided, and what was found is old when it is back.
    const unreachable = cluster.connected ? await this.#lookAround() : new Set<string>();
    if (round !== this.#round) return;
    const isNew = !sameMembers(unreachable, this.#unreachable);
    this.#unreachable = unreachable;
    if (isNew) {
      log.info({ machines: [...unreachable] }, "machines that nobody reaches");
      this.#options.onChange();
    }
    this.#timer = clock.setTimer(this.#restMs(), () => void this.#go(round));
  }

  #restMs(): number {
    const watched = this.#watched;
    const roundMs = Math.max(ROUND_MS, watched.length * PER_MACHINE_MS);
    return Math.min(...watched.map((machine) => this.#heardForMs(machine) || roundMs), roundMs);
  }

  /** For how long from now on the machine counts as heard; 0 where it has to be knocked at. */
  #heardForMs(machine: MachineRecord): number {
    const { cluster, reach } = this.#options;
    // Whoever watches another machine than the engine's is not knocked at by it.
    if (cluster.view.engine?.machine !== machine.id) return 0;
    return Math.max(0, HEARD_MS - reach.heardMsAgo(machine));
  }

  get #others(): readonly MachineRecord[] {
    const { cluster, machine: self } = this.#options;
    return [...cluster.view.machines.values()].filter(({ id }) => id !== self);
  }

  get #watched(): readonly MachineRecord[] {
    const { cluster, machine: self } = this.#options;
    return this.#others.filter(({ id }) => watches(cluster.view, self, id));
  }

  async #lookAround(): Promise<Set<string>> {
    const [watched, others] = [this.#watched, this.#others];
    const unreachable = await this.#look(watched, others);
    // A deputy that is about to take the seat has to know who else is gone: of many, none is given up.
    if (unreachable.size > 0 && watched.length < others.length) {
      const rest = others.filter(({ id }) => !unreachable.has(id));
      for (const id of await this.#look(rest, others)) unreachable.add(id);
    }
    return unreachable;
  }

  async #look(watched: readonly MachineRecord[], others: readonly MachineRecord[]): Promise<Set<string>> {
    const found = await Promise.all(watched.map((machine) => this.#isUnreachable(machine, others)));
    return new Set(watched.filter((_, index) => found[index]).map(({ id }) => id));
  }

  async #isUnreachable(machine: MachineRecord, others: readonly MachineRecord[]): Promise<boolean> {
    const { reach } = this.#options;
    if (this.#heardForMs(machine) > 0) return false;
    const sign = reach.knock(machine);
    if (await this.#isSoon(sign)) return false;
    const peers = others.filter((peer) => peer !== machine && !this.#unreachable.has(peer.id));
    const asked = peers.slice(0, PEERS_ASKED);
    const [own, ...heard] = await Promise.all([sign, ...asked.map((peer) => reach.knockFrom(peer, machine))]);
    return !own && heard.includes(false) && !heard.includes(true);
  }

  /** Whether there is a sign before the machine counts as silent. */
  #isSoon(sign: Promise<boolean>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#options.clock.setTimer(SILENT_MS, () => resolve(false));
    void sign.then((given) => {
      timer.cancel();
      resolve(given);
    });
    return promise;
  }
}

/** Whether `self` watches `other`: the engine's machine watches all, and is watched by the first of the others. */
export function watches(
  { machines, engine }: Pick<ClusterView, "machines" | "engine">,
  self: string,
  other: string,
): boolean {
  if (engine?.machine === self) return true;
  if (engine?.machine !== other) return false;
  const deputies = [...machines.keys()].filter((machine) => machine !== other).sort();
  return deputies.slice(0, DEPUTIES).includes(self);
}

function sameMembers(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((member) => other.has(member));
}
