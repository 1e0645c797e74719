/**
 * What became of each unit's last run, in a small file a unit beside the unit files: systemd forgets it together with
 * the unit, and the next daemon has to know. Gone with the machine's power, as the runs are.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UNIT_RESULTS, type UnitStatus } from "../supervisor.ts";

const status = z.object({
  name: z.string(),
  file: z.string(),
  load: z.enum(["loaded", "not-found", "bad-setting", "error", "masked"]),
  active: z.enum(["active", "reloading", "inactive", "failed", "activating", "deactivating"]),
  sub: z.string(),
  result: z.enum(UNIT_RESULTS),
  sinceMs: z.number(),
  invocation: z
    .string()
    .optional()
    .transform((id): string | undefined => id),
  mainPid: z.number().exactOptional(),
  exitCode: z.number().exactOptional(),
  exitSignal: z.string().exactOptional(),
  coreDumped: z.boolean().exactOptional(),
  startLimitHit: z.boolean().exactOptional(),
  restarts: z.number(),
  statusText: z.string().exactOptional(),
  message: z.string().exactOptional(),
  completed: z.boolean(),
});

export class LastRuns {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Only what is invoked or has ended is worth it; a status text is not. */
  save(before: UnitStatus | undefined, now: UnitStatus): void {
    const { invocation, active, completed, file } = now;
    if (invocation === undefined) return;
    const isSame =
      before?.invocation === invocation &&
      before.active === active &&
      before.completed === completed &&
      before.file === file;
    if (!isSame) this.#write(now);
  }

  /** Where there is no space the next daemon knows less; units are not to suffer from that. */
  #write(now: UnitStatus): void {
    try {
      writeFileSync(join(this.#directory, now.name), JSON.stringify(now), { mode: 0o600 });
    } catch {
      this.forget(now.name);
    }
  }

  /** Undefined when there was none, or its file is damaged. */
  read(name: string): UnitStatus | undefined {
    try {
      const found = status.parse(JSON.parse(readFileSync(join(this.#directory, name), "utf8")));
      return { ...found, invocation: found.invocation };
    } catch {
      return undefined;
    }
  }

  forget(name: string): void {
    rmSync(join(this.#directory, name), { force: true });
  }
}
