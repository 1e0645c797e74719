/**
 * What goes wrong in a simulated cluster: one table of faults, begun by chance and ended after a while.
 *
 * {@link Troubles} remembers what is, or was until when, in trouble, because some invariants hold only a while after
 * the last trouble of whom they are about.
 */
import { randomInteger } from "#base/random.ts";
import { pick } from "./chance.ts";
import type { SimulatedMachine } from "./machine.ts";
import type { World } from "./world.ts";

export interface Fault {
  readonly name: string;
  readonly maxMs: number;
  /** It is one of those that strict units are tried with. */
  readonly strict?: true;
  /** Begins it, at the machine where it is about one, and returns how it ends; it lasts for so long. */
  readonly begin: (world: World, lastsMs: number, machine: SimulatedMachine) => Begun;
}

interface Begun {
  readonly on: readonly SimulatedMachine[] | "store";
  readonly end: () => void;
}

const nothing = (): void => undefined;

function onMachine(
  begin: (machine: SimulatedMachine, world: World, lastsMs: number) => () => void,
): Fault["begin"] {
  return (world, lastsMs, machine) => ({ on: [machine], end: begin(machine, world, lastsMs) });
}

function cut(
  machine: SimulatedMachine,
  change: { cutUp?: boolean; cutDown?: boolean },
  refuses: boolean,
): () => void {
  machine.setNetwork({ ...change, refuses });
  return () => machine.setNetwork({ cutUp: false, cutDown: false, refuses: false });
}

export const FAULTS: readonly Fault[] = [
  {
    name: "power cut",
    strict: true,
    maxMs: 30_000,
    begin: onMachine((machine) => {
      machine.cutPower();
      return () => machine.start();
    }),
  },
  {
    name: "daemon killed",
    strict: true,
    maxMs: 15_000,
    begin: onMachine((machine) => {
      machine.killDaemon();
      return () => machine.start();
    }),
  },
  {
    name: "daemon restarted",
    strict: true,
    maxMs: 200,
    begin: onMachine((machine) => {
      machine.killDaemon();
      return () => machine.start();
    }),
  },
  {
    name: "partition",
    strict: true,
    maxMs: 20_000,
    begin: onMachine((machine, { random }) =>
      cut(machine, { cutUp: true, cutDown: true }, random.next() < 0.5),
    ),
  },
  {
    name: "partition of what it sends",
    strict: true,
    maxMs: 20_000,
    begin: onMachine((machine) => cut(machine, { cutUp: true }, false)),
  },
  {
    name: "partition of what it hears",
    strict: true,
    maxMs: 20_000,
    begin: onMachine((machine, { random }) => cut(machine, { cutDown: true }, random.next() < 0.5)),
  },
  {
    name: "message loss",
    strict: true,
    maxMs: 20_000,
    begin: onMachine((machine) => {
      machine.setNetwork({ lossShare: 0.3 });
      return () => machine.setNetwork({ lossShare: 0 });
    }),
  },
  {
    name: "answer lost",
    strict: true,
    maxMs: 5,
    begin: onMachine((machine) => {
      machine.setNetwork({ lossShare: 1 });
      return () => machine.setNetwork({ lossShare: 0 });
    }),
  },
  {
    name: "connections reset",
    strict: true,
    maxMs: 1,
    begin: onMachine((machine) => {
      machine.resetConnections();
      return nothing;
    }),
  },
  {
    name: "all connections reset",
    strict: true,
    maxMs: 1,
    begin: ({ machines }) => {
      for (const machine of machines) machine.resetConnections();
      return { on: machines, end: nothing };
    },
  },
  {
    name: "slow network",
    strict: true,
    maxMs: 20_000,
    begin: onMachine((machine) => {
      machine.setNetwork({ latencyMs: 600 });
      return () => machine.setNetwork({ latencyMs: 2 });
    }),
  },
  {
    name: "slow machine",
    strict: true,
    maxMs: 2_000,
    begin: onMachine((machine, { random }) => {
      machine.daemon?.clock.pause(randomInteger(random, 10, 2_000));
      return nothing;
    }),
  },
  {
    name: "whole machine stopped",
    strict: true,
    maxMs: 15_000,
    begin: onMachine((machine, _world, lastsMs) => {
      machine.pause(lastsMs);
      return nothing;
    }),
  },
  {
    name: "machine suspended",
    strict: true,
    maxMs: 15_000,
    begin: onMachine((machine, _world, lastsMs) => {
      machine.suspend(lastsMs);
      return nothing;
    }),
  },
  {
    name: "clock set",
    strict: true,
    maxMs: 1,
    begin: onMachine((machine, { random }) => {
      machine.setClockForward(randomInteger(random, -3_600_000, 3_600_000));
      return nothing;
    }),
  },
  {
    name: "disk full",
    maxMs: 10_000,
    begin: onMachine((machine) => {
      machine.disk.full = true;
      return () => {
        machine.disk.full = false;
      };
    }),
  },
  {
    name: "store outage",
    strict: true,
    maxMs: 20_000,
    begin: (world) => {
      world.stopStore();
      return { on: "store", end: () => world.startStore() };
    },
  },
  {
    name: "compaction",
    maxMs: 1,
    begin: (world) => {
      void world.server.store?.compact(world.server.revision).catch(nothing);
      return { on: [], end: nothing };
    },
  },
  {
    name: "half of the machines lose power",
    maxMs: 20_000,
    begin: ({ machines }) => {
      const half = machines.slice(0, Math.ceil(machines.length / 2));
      for (const machine of half) machine.cutPower();
      return {
        on: half,
        end: () => {
          for (const machine of half) machine.start();
        },
      };
    },
  },
];

/** Who is in trouble, and when they were last. */
export class Troubles {
  readonly #world: World;
  readonly #current = new Map<object, number>();
  readonly #last = new Map<object, number>();

  constructor(world: World) {
    this.#world = world;
  }

  begin(on: Begun["on"]): void {
    for (const one of this.#each(on)) this.#current.set(one, (this.#current.get(one) ?? 0) + 1);
  }

  end(on: Begun["on"]): void {
    for (const one of this.#each(on)) {
      this.#current.set(one, (this.#current.get(one) ?? 0) - 1);
      this.#last.set(one, this.#world.nowMs);
    }
  }

  /** World time since when neither the store nor any of these machines was in trouble; infinity while one is. */
  quietSinceMs(machines: readonly SimulatedMachine[]): number {
    const those = [...machines, this.#world.server];
    if (those.some((one) => (this.#current.get(one) ?? 0) > 0)) return Number.POSITIVE_INFINITY;
    return Math.max(0, ...those.map((one) => this.#last.get(one) ?? 0));
  }

  #each(on: Begun["on"]): readonly object[] {
    return on === "store" ? [this.#world.server] : on;
  }
}

const PAUSE_MAX_MS = 8_000;
/** Faults seldom come alone. */
const AT_ONCE_MAX = 3;
const SEVERAL_SHARE = 0.2;

export interface Faultiness {
  readonly faults: readonly Fault[];
  /** The longest time between two. */
  readonly betweenMs: number;
  readonly onFault: (name: string) => void;
}

export const USUAL_FAULTS: Faultiness = { faults: FAULTS, betweenMs: PAUSE_MAX_MS, onFault: nothing };

/** Begins faults by chance for `durationMs`; each ends by itself, the last some time after that. */
export function injectFaults(world: World, troubles: Troubles, durationMs: number, how = USUAL_FAULTS): void {
  const { clock, random, machines } = world;
  const untilMs = clock.monotonic() + durationMs;
  const next = (): void => {
    if (clock.monotonic() > untilMs) return;
    const count = random.next() < SEVERAL_SHARE ? randomInteger(random, 2, AT_ONCE_MAX) : 1;
    for (let at = 0; at < count; at += 1)
      strike(world, troubles, how, pick(random, how.faults), pick(random, machines));
    clock.setTimer(randomInteger(random, 1, how.betweenMs), next);
  };
  next();
}

/** Begins the fault now, for a time by chance. */
export function strike(
  world: World,
  troubles: Troubles,
  { onFault }: Faultiness,
  fault: Fault,
  machine: SimulatedMachine,
): void {
  const { clock, random, trace } = world;
  onFault(fault.name);
  const lastsMs = randomInteger(random, 1, fault.maxMs);
  const { on, end } = fault.begin(world, lastsMs, machine);
  const whom = on === "store" ? "the store" : on.map(({ name }) => name).join(" ");
  trace.note("fault", `${fault.name}: ${whom} for ${lastsMs} ms`);
  troubles.begin(on);
  clock.setTimer(lastsMs, () => {
    trace.note("fault", `${fault.name}: ${whom} ends`);
    end();
    troubles.end(on);
  });
}
