/** What units use, as the files of their cgroups tell; where these are, systemd tells once a unit is up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hierarchy, legacyName } from "../embedded/cgroup/hierarchy.ts";
import { readUsage } from "../embedded/cgroup/usage.ts";
import type { UnitUsage } from "../supervisor.ts";

const COUNTED = ["memory", "cpu", "pids", "io"] as const;
type Controller = (typeof COUNTED)[number];

/** The files that are read of all units together. */
const OFTEN = new Set(["cpu.stat", "memory.current", "memory.usage_in_bytes"]);

export class CgroupUsage {
  /** Where the files of a controller are. */
  readonly #mounts: ReadonlyMap<Controller, readonly string[]>;
  /** Paths of the units' cgroups. */
  readonly #paths = new Map<string, string>();

  /** @param unified controllers of the version 2 hierarchy; @param root systemd's root directory as it is seen here */
  constructor(hierarchies: readonly Hierarchy[], unified: readonly string[], root: string) {
    this.#mounts = new Map(
      COUNTED.map((controller) => {
        const counting = hierarchies.filter(({ version, controllers }) => {
          // Version 2 counts time on processors in any case.
          if (version === 2) return controller === "cpu" || unified.includes(controller);
          return controllers.includes(legacyName(controller));
        });
        return [controller, counting.map(({ mount }) => join(root, mount))];
      }),
    );
  }

  has(unit: string): boolean {
    return this.#paths.has(unit);
  }

  /** An empty path is that of a unit without processes. */
  set(unit: string, path: string): void {
    if (path !== "") this.#paths.set(unit, path);
  }

  forget(unit: string): void {
    this.#paths.delete(unit);
  }

  of(unit: string): UnitUsage {
    const path = this.#paths.get(unit);
    if (path === undefined) return {};
    return readUsage((controller, file) => this.#read(controller, path, file));
  }

  #read(controller: Controller, path: string, file: string): string | undefined {
    for (const mount of this.#mounts.get(controller) ?? []) {
      // Not by `join`, which takes as long as the kernel: this is done for each of many units.
      const found = readQuietly(`${mount}${path}/${file}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Processors and memory alone: it is asked for often. */
  total(): UnitUsage {
    const all = [...this.#paths.values()].map((path) =>
      readUsage((controller, file) => {
        return OFTEN.has(file) ? this.#read(controller, path, file) : undefined;
      }),
    );
    return { ...sum("cpuMs", all), ...sum("memoryBytes", all) };
  }
}

function sum<K extends "cpuMs" | "memoryBytes">(
  key: K,
  all: readonly UnitUsage[],
): Pick<UnitUsage, K> | object {
  const counted = all.flatMap((usage) => usage[key] ?? []);
  return counted.length === 0 ? {} : { [key]: counted.reduce((total, value) => total + value, 0) };
}

function readQuietly(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
