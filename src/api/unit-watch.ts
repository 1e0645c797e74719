/** Units followed as they change: a snapshot, then the rows of whatever changed. */

import type { ClusterChange } from "#mirror/cluster-mirror.ts";
import { parseKey } from "#model/keys.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { ServerEvent } from "./stream.ts";
import { explainedRows } from "./unit-explain.ts";
import { rowsOf, unitsInPlay } from "./unit-rows.ts";

const UNIT_KINDS: ReadonlySet<string> = new Set(["unit", "outcome"]);
const PLACE_KINDS: ReadonlySet<string> = new Set(["assignment", "state"]);

/**
 * @param names undefined: every unit.
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
  const stop = mirror.onChange((change) => {
    for (const name of unitsOf(change, wanted)) changed.add(name);
    if (changed.size > 0) wake.resolve();
  });
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  try {
    yield toEvent("snapshot", names ?? unitsInPlay(mirror.view), wanted !== undefined, dependencies);
    while (!signal.aborted) {
      await wake.promise;
      wake = Promise.withResolvers();
      const units = [...changed];
      changed.clear();
      if (units.length > 0) yield toEvent("change", units, wanted !== undefined, dependencies);
    }
  } finally {
    stop();
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

function toEvent(
  event: "snapshot" | "change",
  names: readonly string[],
  explained: boolean,
  dependencies: ApiDependencies,
): ServerEvent {
  const { mirror, planContext } = dependencies;
  const units = explained
    ? explainedRows(names, dependencies)
    : rowsOf(mirror.view, names, planContext().placementOf);
  return { event, id: String(mirror.revision), data: { names, units } };
}
