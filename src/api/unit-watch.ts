/** Units followed as they change: a snapshot, then the rows of whatever changed. */
import type { Timer } from "#base/clock.ts";
import type { ClusterChange } from "#mirror/cluster-mirror.ts";
import { parseKey } from "#model/keys.ts";
import type { UnitRow } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { ServerEvent } from "./stream.ts";
import { explainedRows, isNowhere } from "./unit-explain.ts";
import { rowsOf, unitsInPlay } from "./unit-rows.ts";

const UNIT_KINDS: ReadonlySet<string> = new Set(["unit", "outcome"]);
const PLACE_KINDS: ReadonlySet<string> = new Set(["assignment", "state"]);

/**
 * A unit that is asked for by name and still nowhere after this time is said to be so with the reason. To find that is to
 * plan the whole cluster, and what has just been submitted is placed sooner when the engine plans first.
 */
const EXPLAIN_AFTER_MS = 50;

/**
 * @param names undefined: every unit. Of these alone it is told why they are nowhere.
 *
 * What changes while the client is slow is remembered by name only and shown as it is when the client reads on, so
 * that a slow client costs no more than one name for each unit.
 */
export async function* watchUnits(
  names: readonly string[] | undefined,
  dependencies: ApiDependencies,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  const { mirror } = dependencies;
  const wanted = names === undefined ? undefined : new Set(names);
  const changed = new Set<string>();
  let wake = Promise.withResolvers<void>();
  const note = (units: Iterable<string>): void => {
    for (const unit of units) changed.add(unit);
    if (changed.size > 0) wake.resolve();
  };
  const rows = new FollowedRows(dependencies, wanted === undefined ? undefined : note);
  const stop = mirror.onChange((change) => note(unitsOf(change, wanted)));
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  const tell = (event: "snapshot" | "change", units: readonly string[]): ServerEvent => ({
    event,
    id: String(mirror.revision),
    data: { names: units, units: rows.read(units) },
  });
  try {
    yield tell("snapshot", names ?? unitsInPlay(mirror.view));
    while (!signal.aborted) {
      await wake.promise;
      wake = Promise.withResolvers();
      const units = [...changed];
      changed.clear();
      if (units.length > 0) yield tell("change", units);
    }
  } finally {
    stop();
    rows.close();
  }
}

/** Rows that come to say why a unit is nowhere. */
class FollowedRows {
  readonly #dependencies: ApiDependencies;
  readonly #onDue: ((units: readonly string[]) => void) | undefined;
  readonly #waiting = new Set<string>();
  readonly #explained = new Set<string>();
  #timer: Timer | undefined;

  /** @param onDue told of units that it is time to read again, with the reason; absent: reasons are not asked for */
  constructor(dependencies: ApiDependencies, onDue: ((units: readonly string[]) => void) | undefined) {
    this.#dependencies = dependencies;
    this.#onDue = onDue;
  }

  read(names: readonly string[]): readonly UnitRow[] {
    const { mirror, planContext } = this.#dependencies;
    if (names.some((name) => this.#explained.has(name))) return explainedRows(names, this.#dependencies);
    const rows = rowsOf(mirror.view, names, planContext().placementOf);
    this.#explainLater(rows.filter(isNowhere).map((row) => row.unit));
    return rows;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #explainLater(names: readonly string[]): void {
    const onDue = this.#onDue;
    if (onDue === undefined || names.length === 0) return;
    for (const name of names) this.#waiting.add(name);
    this.#timer ??= this.#dependencies.clock.setTimer(EXPLAIN_AFTER_MS, () => {
      const due = [...this.#waiting];
      this.#timer = undefined;
      this.#waiting.clear();
      for (const name of due) this.#explained.add(name);
      onDue(due);
    });
  }
}

/** A change of a machine may free or bar a place, which matters to whoever waits for units by name. */
function unitsOf(change: ClusterChange, wanted: ReadonlySet<string> | undefined): Iterable<string> {
  if (wanted !== undefined && (change.kinds.has("machine") || change.kinds.has("machine-config")))
    return wanted;
  const units = change.batch.changes.flatMap(({ key }) => {
    const parsed = parseKey(key);
    if (parsed === undefined) return [];
    if (UNIT_KINDS.has(parsed.kind)) return [parsed.first];
    return PLACE_KINDS.has(parsed.kind) ? [parsed.second] : [];
  });
  return wanted === undefined ? units : units.filter((unit) => wanted.has(unit));
}
