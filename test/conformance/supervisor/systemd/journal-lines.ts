/** What the units of a machine write, followed by one journalctl from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as z from "zod";

const SOON_MS = 5_000;

/** A field that is there several times is a list. */
const units = z.union([z.string(), z.array(z.string())]).optional();

const entry = z.looseObject({ MESSAGE: z.unknown(), UNIT: units, _SYSTEMD_UNIT: units });

export class JournalLines {
  readonly #journalctl: ChildProcess;
  readonly #lines = new Map<string, string[]>();
  readonly #listeners = new Set<() => void>();

  /** `root` is the machine's root directory. */
  constructor(root: string) {
    const fields = "--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT";
    const args = [`--directory=${root}/run/log/journal`, "--follow", "--lines=0", "--output=json", fields];
    const journalctl = spawn("journalctl", args, { stdio: ["ignore", "pipe", "inherit"] });
    createInterface({ input: journalctl.stdout }).on("line", (line) => this.#read(line));
    this.#journalctl = journalctl;
  }

  #read(line: string): void {
    const { MESSAGE, UNIT, _SYSTEMD_UNIT } = entry.parse(JSON.parse(line));
    for (const unit of new Set([UNIT, _SYSTEMD_UNIT].flat())) {
      if (unit === undefined) continue;
      const lines = this.#lines.get(unit) ?? [];
      this.#lines.set(unit, lines);
      lines.push(String(MESSAGE));
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Whether the unit has written such a line, or does so soon. */
  async has(unit: string, text: string): Promise<boolean> {
    const isThere = (): boolean => (this.#lines.get(unit) ?? []).some((line) => line.includes(text));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = (): void => void (isThere() && resolve(true));
    const giveUp = setTimeout(resolve, SOON_MS, false);
    this.#listeners.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(giveUp);
      this.#listeners.delete(look);
    }
  }

  async close(): Promise<void> {
    const isGone = once(this.#journalctl, "exit");
    this.#journalctl.kill();
    await isGone;
  }
}
