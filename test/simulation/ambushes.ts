/**
 * Faults at the worst moment: when a daemon's write of one kind has come to the store, or has just been carried out there
 * and its answer and its events are not on their way yet. The fault strikes the machine that writes, then or within the
 * few milliseconds in which those travel.
 */
import { randomInteger } from "#base/random.ts";
import { type KeyKind, parseKey } from "#model/keys.ts";
import { toText } from "#store/keys.ts";
import type { TxnRequest } from "#store/store.ts";
import { pick } from "./chance.ts";
import { type Fault, type Faultiness, strike, type Troubles, USUAL_FAULTS } from "./faults.ts";
import type { SimulatedMachine } from "./machine.ts";
import type { Watcher, World } from "./world.ts";

const KINDS: readonly KeyKind[] = [
  "assignment",
  "assignment",
  "claim",
  "engine",
  "event",
  "machine",
  "machine-config",
  "outcome",
  "rebalance",
  "state",
  "unit",
];

interface Ambush {
  readonly kind: KeyKind;
  readonly moment: "before" | "after";
  readonly fault: Fault;
  readonly delayMs: number;
  /** When it has been laid, and when it is given up. */
  readonly fromMs: number;
  readonly untilMs: number;
}

const PATIENCE_MS = 4_000;
const TRAVEL_MAX_MS = 4;

/** Lays one after another for `durationMs`. */
export function layAmbushes(
  world: World,
  troubles: Troubles,
  durationMs: number,
  how: Faultiness = USUAL_FAULTS,
): Watcher {
  const { clock, random } = world;
  const endMs = clock.monotonic() + durationMs;
  const lay = (): Ambush => {
    const fromMs = clock.monotonic() + randomInteger(random, 1, how.betweenMs);
    return {
      kind: pick(random, KINDS),
      moment: pick(random, ["before", "after"]),
      fault: pick(random, how.faults),
      delayMs: random.next() < 0.5 ? 0 : random.next() * TRAVEL_MAX_MS,
      fromMs,
      untilMs: fromMs + PATIENCE_MS,
    };
  };
  let ambush = lay();
  const meet = (moment: Ambush["moment"], machine: SimulatedMachine, request: TxnRequest): void => {
    const nowMs = clock.monotonic();
    if (nowMs > endMs) return;
    if (nowMs > ambush.untilMs) ambush = lay();
    if (moment !== ambush.moment || nowMs < ambush.fromMs || !writes(request, ambush.kind)) return;
    const { kind, fault, delayMs } = ambush;
    ambush = lay();
    world.trace.note("fault", `ambush: ${machine.name} writes ${kind}, ${moment} it is carried out`);
    const act = (): void => strike(world, troubles, how, fault, machine);
    if (delayMs === 0) act();
    else clock.setTimer(delayMs, act);
  };
  return {
    onRequest: (machine, request) => meet("before", machine, request),
    onCarriedOut: (machine, request) => meet("after", machine, request),
  };
}

function writes({ success }: TxnRequest, kind: KeyKind): boolean {
  return success.some(
    (operation) =>
      (operation.kind === "put" || operation.kind === "delete-range") &&
      parseKey(toText(operation.request.key))?.kind === kind,
  );
}
