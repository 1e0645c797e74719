/**
 * The key table: every section and key of a unit file, the grammar of its value, how several assignments add up, and
 * what the embedded supervisor does with it.
 *
 * This is the only place that knows which keys exist. The readers, the verifier and did-you-mean are driven by it; a
 * new key is a new row in keys/. It holds data only and reads no file.
 */
import type { Key, Keys } from "./key.ts";
import { X_FLEET_KEYS, X_FLOTILLA_KEYS } from "./keys/fleet.ts";
import { AUTOMOUNT_KEYS, MOUNT_KEYS, SCOPE_KEYS, SLICE_KEYS, SWAP_KEYS } from "./keys/mounts.ts";
import { SERVICE_KEYS } from "./keys/service.ts";
import { PATH_KEYS, SOCKET_KEYS, TIMER_KEYS } from "./keys/triggers.ts";
import { INSTALL_KEYS, UNIT_KEYS } from "./keys/unit.ts";
import type { UnitSuffix } from "./name.ts";

/** Keys by section. */
export const SECTIONS = {
  Unit: UNIT_KEYS,
  Install: INSTALL_KEYS,
  Service: SERVICE_KEYS,
  Timer: TIMER_KEYS,
  Path: PATH_KEYS,
  Socket: SOCKET_KEYS,
  Target: {},
  Mount: MOUNT_KEYS,
  Automount: AUTOMOUNT_KEYS,
  Swap: SWAP_KEYS,
  Slice: SLICE_KEYS,
  Scope: SCOPE_KEYS,
  "X-Fleet": X_FLEET_KEYS,
  "X-Flotilla": X_FLOTILLA_KEYS,
} as const satisfies Record<string, Keys>;

export type SectionName = keyof typeof SECTIONS;

/** The section of its own that each type of unit has; a device has none. */
export const OWN_SECTION: Readonly<Record<UnitSuffix, SectionName | undefined>> = {
  service: "Service",
  timer: "Timer",
  path: "Path",
  socket: "Socket",
  target: "Target",
  mount: "Mount",
  automount: "Automount",
  swap: "Swap",
  slice: "Slice",
  scope: "Scope",
  device: undefined,
};

/** Sections that a unit of any type may have. */
export const COMMON_SECTIONS: readonly SectionName[] = ["Unit", "Install", "X-Fleet", "X-Flotilla"];

/** The rows again, for finding one by any text that stands in a file: it may well be `constructor`. */
const ROWS: ReadonlyMap<string, ReadonlyMap<string, Key<unknown>>> = new Map(
  Object.entries(SECTIONS).map(([section, keys]: [string, Keys]) => [section, new Map(Object.entries(keys))]),
);

/** The table's rows of a section, by key. */
export function keysOf(section: SectionName): ReadonlyMap<string, Key<unknown>> {
  return ROWS.get(section) ?? new Map();
}

/** The table's row for a key, or undefined when there is none. */
export function findKey(section: string, key: string): Key<unknown> | undefined {
  return ROWS.get(section)?.get(key);
}
