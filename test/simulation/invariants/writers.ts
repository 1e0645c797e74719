/** Who may write what: the elected engine assignments, each machine its own presence and states. */

import { parseKey } from "#model/keys.ts";
import type { EngineRecord } from "#model/records.ts";
import type { HistoryEntry } from "../history.ts";
import type { Watcher, World } from "../world.ts";

export function watchWriters(world: World): Watcher {
  let engine: EngineRecord | undefined;
  return {
    onRevision(entry, after) {
      checkEngine(world, entry, engine);
      checkOwn(world, entry);
      engine = after.engine;
    },
  };
}

/** @param engine who was elected before this revision */
function checkEngine(
  world: World,
  { changes, written }: HistoryEntry,
  engine: EngineRecord | undefined,
): void {
  if (!changes.some(({ key }) => parseKey(key)?.kind === "assignment")) return;
  const { writer } = written ?? {};
  if (writer !== undefined && writer.machine === engine?.machine && writer.instance === engine.instance)
    return;
  const who = writer === undefined ? "nobody" : world.nameOf(writer.machine);
  world.fail("a deposed engine writes nothing", `${who} wrote an assignment without being elected`);
}

function checkOwn(world: World, { changes, written }: HistoryEntry): void {
  if (written === undefined) return;
  for (const { key } of changes) {
    const parsed = parseKey(key);
    if (parsed?.kind !== "state" && parsed?.kind !== "machine") continue;
    if (parsed.first === written.writer.machine) continue;
    world.fail("a machine writes only its own keys", `${world.nameOf(written.writer.machine)} wrote ${key}`);
  }
}
