/** What every supervisor must do with a unit that may run only until a time: Supervisor.hold. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Supervisor, UnitSource } from "#supervisor/supervisor.ts";

export interface HeldSupervisor {
  readonly supervisor: Supervisor;
  /** Boot time, as the supervisor knows it. */
  now(): number;
  pass(durationMs: number): Promise<void>;
  /** Closes the supervisor, as when the daemon dies; `reopen` opens the next one on the same machine. */
  close(): Promise<void>;
  reopen(): Promise<Supervisor>;
  dispose(): Promise<void>;
}

const TEXT = "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n";
const unit: UnitSource = {
  name: "held.service",
  text: TEXT,
  file: createHash("sha256").update(TEXT).digest("hex"),
};
const { name } = unit;
const SHORT_MS = 900;
const TIME_TO_KILL_MS = 600;

export function holdContract(subjectName: string, open: () => Promise<HeldSupervisor>): void {
  describe(`${subjectName} with a unit that is held`, () => {
    let subject: HeldSupervisor;
    let supervisor: Supervisor;
    const hold = (forMs: number, token = "1"): void =>
      supervisor.hold(name, { untilMs: subject.now() + forMs, token });

    beforeEach(async () => {
      subject = await open();
      supervisor = subject.supervisor;
      await supervisor.load([unit]);
    });
    afterEach(() => subject.dispose());

    test("kills it when the time has come, and does not start it again by itself", async () => {
      hold(SHORT_MS);
      expect(await supervisor.start(name)).toEqual({ result: "done" });
      await subject.pass(SHORT_MS + TIME_TO_KILL_MS);
      expect(supervisor.status(name)).toMatchObject({ active: "failed", result: "timeout", expired: true });
    });

    test("lets it run while the time is put off", async () => {
      hold(SHORT_MS);
      await supervisor.start(name);
      const before = supervisor.status(name)?.invocation;
      hold(60_000);
      await subject.pass(SHORT_MS + TIME_TO_KILL_MS);
      expect(supervisor.status(name)).toMatchObject({ active: "active", invocation: before });
    });

    test("refuses to start it when the time has passed, until it is held again", async () => {
      hold(0);
      const { result, error } = await supervisor.start(name);
      expect(result).toBe("failed");
      // Either it was not begun, or it was killed at once.
      expect(error === "HoldPassed" || supervisor.status(name)?.expired === true).toBe(true);
      expect(supervisor.status(name)?.active).not.toBe("active");
      hold(60_000);
      expect(await supervisor.start(name)).toEqual({ result: "done" });
    });

    test("lets it run for as long as it likes when it is not held any more", async () => {
      hold(SHORT_MS);
      await supervisor.start(name);
      supervisor.hold(name, undefined);
      expect(supervisor.heldUntil(name)).toBe(undefined);
      await subject.pass(SHORT_MS + TIME_TO_KILL_MS);
      expect(supervisor.status(name)?.active).toBe("active");
    });

    test("kills it also when nobody is there to do so, which the next one finds", async () => {
      hold(SHORT_MS);
      await supervisor.start(name);
      await subject.close();
      await subject.pass(SHORT_MS + TIME_TO_KILL_MS);
      const next = await subject.reopen();
      await subject.pass(TIME_TO_KILL_MS);
      expect(next.status(name)).toMatchObject({ active: "failed", expired: true });
    });

    test("knows in the next one until when it is held", async () => {
      hold(60_000);
      await supervisor.start(name);
      const until = supervisor.heldUntil(name);
      await subject.close();
      const next = await subject.reopen();
      expect(next.heldUntil(name)).toBe(until);
      expect(next.status(name)?.active).toBe("active");
    });

    test("ignores a unit that it does not know", () => {
      supervisor.hold("unknown.service", { untilMs: 0, token: "1" });
      expect(supervisor.heldUntil("unknown.service")).toBe(undefined);
    });
  });
}
