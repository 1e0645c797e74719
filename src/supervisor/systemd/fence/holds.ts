/**
 * Until when units may run, as files that three read: the fence (fence.pl), systemd at each start of such a unit, and the
 * next daemon. Gone with the machine's power, as the runs are.
 *
 * Invariants: `held/UNIT` is there only while the unit may run; a file is replaced as a whole. The fence moves it to
 * `passed/UNIT` when its time has come, and writes into `killed/UNIT` which run it ended.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Hold } from "../../supervisor.ts";

const PLACES = ["held", "passed", "killed"] as const;
type Place = (typeof PLACES)[number];

export class Holds {
  readonly #directory: string;
  readonly #clock: Pick<Clock, "boottime">;
  readonly #until = new Map<string, number>();

  /** Knows what an earlier supervisor said. @param directory as it is seen here */
  constructor(directory: string, clock: Pick<Clock, "boottime">) {
    this.#directory = directory;
    this.#clock = clock;
    for (const place of PLACES) mkdirSync(join(directory, place), { recursive: true, mode: 0o700 });
    for (const place of ["passed", "held"] as const)
      for (const unit of this.#namesIn(place)) this.#recall(place, unit);
  }

  get units(): readonly string[] {
    return [...this.#until.keys()];
  }

  until(unit: string): number | undefined {
    return this.#until.get(unit);
  }

  hasPassed(unit: string): boolean {
    const until = this.until(unit);
    return until !== undefined && until <= this.#clock.boottime();
  }

  /**
   * @param isUp whether there may be something to kill
   * @throws the operating system's error; what was said before holds then
   */
  set(unit: string, hold: Hold | undefined, isUp: boolean): void {
    const untilMs = hold === undefined ? undefined : Math.max(0, Math.floor(hold.untilMs));
    if (untilMs === undefined && !this.#until.has(unit)) return;
    const isOver = untilMs !== undefined && untilMs <= this.#clock.boottime() && !isUp;
    const [place, other] = isOver ? (["passed", "held"] as const) : (["held", "passed"] as const);
    // First: behind the other it could be what the fence has just moved there.
    this.#remove(other, unit);
    this.#write(place, unit, textOf(untilMs, hold?.token));
    if (untilMs === undefined) this.#until.delete(unit);
    else this.#until.set(unit, untilMs);
  }

  /** The run that was ended because its time had come. */
  killedRun(unit: string): string | undefined {
    return this.#read("killed", unit);
  }

  forgetKilled(unit: string): void {
    this.#remove("killed", unit);
  }

  forget(unit: string): void {
    this.#until.delete(unit);
    for (const place of PLACES) this.#remove(place, unit);
  }

  #recall(place: Place, unit: string): void {
    const until = /^# until (\d+)$/m.exec(this.#read(place, unit) ?? "")?.[1];
    if (until !== undefined) this.#until.set(unit, Number(until));
  }

  /** Where there is no space for a new file, the old one is written over: a full disk is to end no unit. */
  #write(place: Place, unit: string, text: string): void {
    const path = this.#pathOf(place, unit);
    const temporary = join(this.#directory, `${unit}.new`);
    try {
      writeFileSync(temporary, text, { mode: 0o600 });
      renameSync(temporary, path);
    } catch {
      rmSync(temporary, { force: true });
      writeFileSync(path, text, { mode: 0o600, flag: "r+" });
    }
  }

  #read(place: Place, unit: string): string | undefined {
    try {
      return readFileSync(this.#pathOf(place, unit), "utf8");
    } catch {
      return undefined;
    }
  }

  #remove(place: Place, unit: string): void {
    rmSync(this.#pathOf(place, unit), { force: true });
  }

  #namesIn(place: Place): readonly string[] {
    return readdirSync(join(this.#directory, place));
  }

  #pathOf(place: Place, unit: string): string {
    return join(this.#directory, place, unit);
  }
}

/** systemd takes the line with the token for the unit's environment; the first line is a comment to it. */
function textOf(untilMs: number | undefined, token: string | undefined): string {
  const line = `# until ${untilMs ?? "never"}\n`;
  return token === undefined ? line : `${line}FLOTILLA_FENCING_TOKEN=${token}\n`;
}
