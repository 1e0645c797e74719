/** What every supervisor must do, whatever it runs units with. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Supervisor, UnitSource, UnitStatus } from "#supervisor/supervisor.ts";

/** A supervisor under test, and how another one takes its place. */
export interface SupervisorUnderTest {
  readonly supervisor: Supervisor;
  /** Closes the supervisor and opens the next one on the same machine. */
  reopen(): Promise<Supervisor>;
  dispose(): Promise<void>;
}

const text = (...lines: readonly string[]): string => `[Service]\n${lines.join("\n")}\n`;

function source(name: string, content: string): UnitSource {
  return { name, text: content, file: createHash("sha256").update(content).digest("hex") };
}

/** The units of the suite by name; a fake is scripted to act alike. */
export const CONTRACT_UNITS = {
  service: source("web@1.service", text("ExecStart=/bin/sleep 1000")),
  oneshot: source("job.service", text("Type=oneshot", "ExecStart=/bin/true")),
  failing: source("failing.service", text("Type=exec", "ExecStart=/nowhere/to/be/found")),
  bad: source("bad.service", "[Service]\nExecStart=\n"),
} as const;

export function supervisorContract(name: string, open: () => Promise<SupervisorUnderTest>): void {
  describe(`${name} as a supervisor`, () => {
    let subject: SupervisorUnderTest;
    let supervisor: Supervisor;
    const { service, oneshot, failing, bad } = CONTRACT_UNITS;

    beforeEach(async () => {
      subject = await open();
      supervisor = subject.supervisor;
    });
    afterEach(() => subject.dispose());

    test("a loaded unit is inactive and has never been invoked", async () => {
      await supervisor.load([service]);
      expect(supervisor.status(service.name)).toMatchObject({
        name: service.name,
        file: service.file,
        load: "loaded",
        active: "inactive",
        sub: "dead",
        completed: false,
        invocation: undefined,
      });
    });

    test("a started service is active until it is stopped", async () => {
      await supervisor.load([service]);
      expect(await supervisor.start(service.name)).toEqual({ result: "done" });
      expect(supervisor.status(service.name)).toMatchObject({ active: "active", sub: "running" });
      expect(await supervisor.stop(service.name)).toEqual({ result: "done" });
      expect(supervisor.status(service.name)).toMatchObject({
        active: "inactive",
        sub: "dead",
        result: "success",
      });
    });

    test("starting an active unit is done at once and leaves its invocation alone", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      const before = supervisor.status(service.name)?.invocation;
      expect(await supervisor.start(service.name)).toEqual({ result: "done" });
      expect(supervisor.status(service.name)?.invocation).toBe(before);
    });

    test("a restart is a new invocation", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      const before = supervisor.status(service.name)?.invocation;
      expect(await supervisor.restart(service.name)).toEqual({ result: "done" });
      const after = supervisor.status(service.name);
      expect(after).toMatchObject({ active: "active" });
      expect(after?.invocation).not.toBe(before);
    });

    test("a oneshot that ended well is inactive and completed", async () => {
      await supervisor.load([oneshot]);
      expect(await supervisor.start(oneshot.name)).toEqual({ result: "done" });
      expect(supervisor.status(oneshot.name)).toMatchObject({ active: "inactive", completed: true });
    });

    test("a unit that cannot be started answers with the reason and is failed until reset", async () => {
      await supervisor.load([failing]);
      const outcome = await supervisor.start(failing.name);
      expect(outcome.result).toBe("failed");
      expect(outcome.message).not.toBe("");
      expect(supervisor.status(failing.name)).toMatchObject({ active: "failed", result: "exit-code" });
      await supervisor.resetFailed(failing.name);
      expect(supervisor.status(failing.name)).toMatchObject({ active: "inactive", result: "success" });
    });

    test("a bad file is a status, not an exception, and does not start", async () => {
      await supervisor.load([bad]);
      const status = supervisor.status(bad.name);
      expect(status?.load).toBe("bad-setting");
      expect(status?.message).toBeTruthy();
      expect((await supervisor.start(bad.name)).result).toBe("failed");
    });

    test("every change of state is told, in order", async () => {
      const seen: (UnitStatus | undefined)[] = [];
      supervisor.onStatus((name, status) => name === service.name && seen.push(status));
      await supervisor.load([service]);
      await supervisor.start(service.name);
      await supervisor.stop(service.name);
      await supervisor.unload([service.name]);
      const states = seen.map((status) => status?.active);
      expect(states[0]).toBe("inactive");
      expect(states.indexOf("activating")).toBeLessThan(states.indexOf("active"));
      expect(states.lastIndexOf("active")).toBeLessThan(states.lastIndexOf("inactive"));
      expect(states.at(-1)).toBeUndefined();
    });

    test("who stopped listening is told nothing", async () => {
      let calls = 0;
      const forget = supervisor.onStatus(() => calls++);
      forget();
      await supervisor.load([service]);
      expect(calls).toBe(0);
    });

    test("unloading stops the unit and forgets it; unknown names are ignored", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      await supervisor.unload([service.name, "unknown.service"]);
      expect(supervisor.status(service.name)).toBeUndefined();
      expect(supervisor.statuses()).toEqual([]);
    });

    test("a unit that is not loaded cannot be started", async () => {
      expect((await supervisor.start("unknown.service")).result).toBe("invalid");
      expect(supervisor.status("unknown.service")).toBeUndefined();
    });

    test("loading a new text leaves what runs alone", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      const before = supervisor.status(service.name);
      const changed = source(service.name, text("ExecStart=/bin/sleep 2000"));
      await supervisor.load([changed]);
      expect(supervisor.status(service.name)).toMatchObject({ active: "active", file: changed.file });
      expect(supervisor.status(service.name)?.invocation).toBe(before?.invocation);
    });

    test("the next supervisor takes over what runs", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      const before = supervisor.status(service.name);
      const next = await subject.reopen();
      expect(next.status(service.name)).toEqual(before);
      expect(await next.stop(service.name)).toEqual({ result: "done" });
    });

    test("the journal tells of starts and stops, and resumes behind a cursor", async () => {
      await supervisor.load([service]);
      await supervisor.start(service.name);
      const last = await firstFollowed(supervisor, service.name);
      expect(last).toMatchObject({ origin: "supervisor", unit: service.name });
      await supervisor.stop(service.name);
      const later = await collect(supervisor, service.name, { after: last?.cursor ?? "" });
      expect(later.map(({ message }) => message)).toContain(`Stopped ${service.name}.`);
      expect(later.map(({ cursor }) => cursor)).not.toContain(last?.cursor);
    });
  });
}

async function collect(supervisor: Supervisor, name: string, query: { lines?: number; after?: string }) {
  const found = [];
  for await (const entry of supervisor.journal({ units: [name], ...query })) found.push(entry);
  return found;
}

/** The first entry, waited for if it has not been written yet. */
async function firstFollowed(supervisor: Supervisor, name: string) {
  const signal = AbortSignal.timeout(10_000);
  for await (const entry of supervisor.journal({ units: [name], follow: true, signal })) return entry;
  return undefined;
}
