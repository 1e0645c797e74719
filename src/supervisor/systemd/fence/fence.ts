/**
 * The fence: a process beside the daemon, run by systemd as a service, that kills held units when their time has come.
 *
 * It owns the holds, the drop-ins of held units and the service. Invariants: a unit that is held is started only while
 * the fence runs and systemd knows the unit's drop-in; no hold hangs on this process. The fence itself is fence.pl.
 */
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { assetText } from "#host/program-files.ts";
import { BusError } from "../bus/bus-connection.ts";
import type { SystemdLink } from "../bus/link.ts";
import { pathOfUnit } from "../bus/unit-path.ts";
import { texts } from "../bus/values.ts";
import type { Jobs } from "../jobs.ts";
import { dropIn, dropInPath, FENCE, fenceUnit, fenceUnitPath, PROGRAM } from "./fence-files.ts";
import { Holds } from "./holds.ts";

const SIGTERM = 15;

export interface FenceOptions {
  readonly link: SystemdLink;
  readonly jobs: Jobs;
  readonly clock: Clock;
  /** For the holds, as systemd sees it. */
  readonly directory: string;
  /** systemd's root directory as it is seen here. */
  readonly root: string;
}

export class Fence {
  readonly holds: Holds;
  readonly #options: FenceOptions;
  /** Units that systemd starts only while they are held, or is being told to. */
  readonly #guarded = new Map<string, Promise<void>>();
  #installed: Promise<void> | undefined;

  constructor(options: FenceOptions) {
    this.#options = options;
    this.holds = new Holds(join(options.root, options.directory), options.clock);
  }

  /**
   * Resolves when the unit can be started: the fence runs, and systemd knows that the unit depends on its hold.
   * @throws FlotillaError `unsupported` when there can be no fence here
   */
  async guard(unit: string): Promise<void> {
    const guarded = this.#guarded.get(unit) ?? this.#addDropIn(unit);
    this.#guarded.set(unit, guarded);
    try {
      await guarded;
      await this.#run();
    } catch (error) {
      this.#guarded.delete(unit);
      throw error;
    }
  }

  /** The unit goes; systemd is to be told by a reload. */
  forget(unit: string): void {
    this.holds.forget(unit);
    this.#guarded.delete(unit);
    const path = this.#seen(dropInPath(unit));
    rmSync(path, { force: true });
    try {
      rmdirSync(dirname(path));
    } catch {
      // There was none, or it has drop-ins of others.
    }
  }

  async #addDropIn(unit: string): Promise<void> {
    const { link, directory } = this.#options;
    const path = dropInPath(unit);
    const isNew = this.#put(path, dropIn(unit, directory));
    const known = texts(
      await link.property(pathOfUnit(unit), "org.freedesktop.systemd1.Unit", "DropInPaths"),
    );
    if (isNew === "changed" || !known.includes(path)) await link.manager("Reload");
  }

  async #run(): Promise<void> {
    this.#installed ??= this.#install();
    await this.#installed;
    const end = await this.#start();
    if (end !== undefined && end !== "done") {
      throw new FlotillaError(
        "unsupported",
        `strict units cannot run here: ${FENCE}, which fences them, does not`,
        {
          hint: `systemctl status ${FENCE} says why. It needs Perl, which Debian's package perl-base has.`,
        },
      );
    }
  }

  async #start(): Promise<string | undefined> {
    const { jobs, link } = this.#options;
    const request = { type: "start", unit: FENCE } as const;
    try {
      return await jobs.run(request);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      // systemd finds new files by the times of their directories, of which two changes may have the same.
      await link.manager("Reload");
      return jobs.run(request);
    }
  }

  /** A fence of another version is ended, and begins anew as this one: systemd starts it again. */
  async #install(): Promise<void> {
    const { link, directory } = this.#options;
    const program = this.#put(join(directory, PROGRAM), programText());
    const service = this.#put(fenceUnitPath, fenceUnit(directory));
    if (service === "changed") await link.manager("Reload");
    if (program === "changed" || service === "changed") await this.#end();
  }

  async #end(): Promise<void> {
    try {
      await this.#options.link.manager("KillUnit", "ssi", [FENCE, "main", SIGTERM]);
    } catch (error) {
      // It does not run.
      if (!(error instanceof BusError)) throw error;
    }
  }

  #put(path: string, text: string): "same" | "new" | "changed" {
    const seen = this.#seen(path);
    const before = readQuietly(seen);
    if (before === text) return "same";
    mkdirSync(dirname(seen), { recursive: true, mode: 0o755 });
    writeFileSync(seen, text, { mode: 0o644 });
    return before === undefined ? "new" : "changed";
  }

  #seen(path: string): string {
    return join(this.#options.root, path);
  }
}

function programText(): string {
  return assetText(`programs/${PROGRAM}`) ?? readFileSync(join(import.meta.dirname, PROGRAM), "utf8");
}

function readQuietly(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
