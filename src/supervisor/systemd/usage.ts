/** What units use, as the files of their cgroups tell; where these are, systemd tells once a unit is up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hierarchy, legacyName } from "../embedded/cgroup/hierarchy.ts";
import { readUsage } from "../embedded/cgroup/usage.ts";
import type { UnitUsage } from "../supervisor.ts";

export class CgroupUsage {
  readonly #hierarchies: readonly Hierarchy[];
  readonly #root: string;
  /** Paths of the units' cgroups. */
  readonly #paths = new Map<string, string>();

  /** @param root systemd's root directory as it is seen here */
  constructor(hierarchies: readonly Hierarchy[], root: string) {
    this.#hierarchies = hierarchies;
    this.#root = root;
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
    return readUsage((controller, file) => {
      for (const { version, mount, controllers } of this.#hierarchies) {
        if (version === 1 && !controllers.includes(legacyName(controller))) continue;
        const found = readQuietly(join(this.#root, mount, path, file));
        if (found !== undefined) return found;
      }
      return undefined;
    });
  }

  /** Processors and memory alone: it is asked for often. */
  total(): UnitUsage {
    const all = [...this.#paths.keys()].map((unit) => this.of(unit));
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
