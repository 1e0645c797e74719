import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import type { ActiveState, JobOutcome } from "../../supervisor.ts";
import { JobEngine } from "./job-engine.ts";
import { type Paper, paperMachine } from "./testing.ts";
import type { Attempt, JobSettings, JobUnits } from "./units.ts";

/** How a unit on paper behaves: it is up at once, or when it is told; it fails; or it does not come up, with success. */
type Way = "at-once" | "when-told" | "fails" | "ends";

class PaperUnits implements JobUnits {
  readonly clock = new VirtualClock();
  readonly calls: string[] = [];
  readonly journal: string[] = [];
  saved: readonly string[] = [];
  readonly #states = new Map<string, ActiveState>();
  readonly #told = new Map<string, () => void>();
  readonly #paper: ReturnType<typeof paperMachine>;
  readonly #ways: Readonly<Record<string, Way>>;
  readonly #settings: Partial<JobSettings>;
  engine = new JobEngine(this);

  constructor(units: Paper, ways: Readonly<Record<string, Way>> = {}, settings: Partial<JobSettings> = {}) {
    this.#paper = paperMachine(units);
    this.#ways = ways;
    this.#settings = settings;
    for (const name of this.names()) this.engine.changed(name);
  }

  names = () => this.#paper.names();
  related: JobUnits["related"] = (unit, atom) => this.#paper.related(unit, atom);
  settings = (unit: string): JobSettings => ({
    title: unit,
    jobTimeoutMs: Number.POSITIVE_INFINITY,
    jobRunningTimeoutMs: Number.POSITIVE_INFINITY,
    onFailureJobMode: "replace",
    onSuccessJobMode: "fail",
    stopWhenUnneeded: false,
    startsAtOnce: false,
    refuseManualStart: false,
    refuseManualStop: false,
    ...this.#settings,
  });
  unit: JobUnits["unit"] = (name) => {
    const view = this.#paper.unit(name);
    return view === undefined ? undefined : { ...view, active: this.stateOf(name) };
  };
  stateOf(name: string): ActiveState {
    return this.#states.get(name) ?? this.#paper.unit(name)?.active ?? "inactive";
  }
  awaitsRestart = () => false;
  start = (name: string): Attempt => {
    if (this.stateOf(name) === "active") return { kind: "ended", result: "done", quiet: true };
    if (this.stateOf(name) === "deactivating") return { kind: "later" };
    this.calls.push(`start ${name}`);
    const way = this.#ways[name] ?? "at-once";
    if (way === "when-told") this.become(name, "activating");
    return this.#perform(name, way, way === "fails" ? "failed" : way === "ends" ? "inactive" : "active");
  };
  stop = (name: string): Attempt => {
    if (["inactive", "failed"].includes(this.stateOf(name)))
      return { kind: "ended", result: "done", quiet: true };
    this.calls.push(`stop ${name}`);
    this.become(name, "deactivating");
    return this.#perform(name, "at-once", "inactive");
  };
  reload = (name: string): Attempt => {
    this.calls.push(`reload ${name}`);
    return { kind: "begun", outcome: Promise.resolve({ result: "done" }) };
  };
  log = (unit: string, _: number, text: string): void => void this.journal.push(`${unit}: ${text}`);
  jobEnded = (): void => {};
  saveRestarts = (units: readonly string[]): void => {
    this.saved = units;
  };
  restarts = (): readonly string[] => this.saved;

  become(name: string, state: ActiveState): void {
    this.#states.set(name, state);
    this.engine.changed(name);
  }

  passTime(ms: number): void {
    const untilMs = this.clock.monotonic() + ms;
    while (this.clock.fireNext(untilMs)) {
      // Each timer that is due by then.
    }
    this.clock.skipTo(untilMs);
  }

  /** Lets a unit that waits for it come to the end of its start. */
  tell(name: string): void {
    this.#told.get(name)?.();
  }

  #perform(name: string, way: Way, end: ActiveState): Attempt {
    const { promise, resolve } = Promise.withResolvers<JobOutcome>();
    const finish = (): void => {
      this.become(name, end);
      resolve({ result: end === "failed" ? "failed" : "done" });
    };
    if (way === "when-told") this.#told.set(name, finish);
    else queueMicrotask(finish);
    return { kind: "begun", outcome: promise };
  }
}

/** A machine whose engine has begun. */
function machine(...options: ConstructorParameters<typeof PaperUnits>): PaperUnits {
  const units = new PaperUnits(...options);
  units.engine.begin();
  return units;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const ask = (units: PaperUnits, type: "start" | "stop" | "restart" | "reload", unit: string) =>
  units.engine.request({ type, unit });

test.each([["a b"], ["b a"]])(
  "requests of one turn keep the units' order, asked for as %s",
  async (order) => {
    const units = machine({ "a.service": "", "b.service": "After=a.service" }, { "a.service": "when-told" });
    const outcomes = order.split(" ").map((name) => ask(units, "start", `${name}.service`));
    await settled();
    expect(units.calls).toEqual(["start a.service"]);
    units.tell("a.service");
    expect((await Promise.all(outcomes)).map(({ result }) => result)).toEqual(["done", "done"]);
    expect(units.calls).toEqual(["start a.service", "start b.service"]);
  },
);

test("nothing is asked of a unit in the turn in which it is asked for", () => {
  const units = machine({ "a.service": "" });
  void ask(units, "start", "a.service");
  expect(units.calls).toEqual([]);
  expect(units.engine.has("a.service")).toBe(true);
});

test("nothing is asked of any unit before all are there", async () => {
  const units = new PaperUnits({ "a.service": "OnFailure=b.service", "b.service": "" });
  units.become("a.service", "failed");
  await settled();
  expect(units.calls).toEqual([]);
  units.engine.begin();
  await settled();
  expect(units.calls).toEqual(["start b.service"]);
});

test("whatever the dependencies, every job comes to its end", async () => {
  const names = ["a", "b", "c", "d"].map((name) => `${name}.service`);
  const keys = [
    "After",
    "Before",
    "Wants",
    "Requires",
    "Requisite",
    "Conflicts",
    "PartOf",
    "BindsTo",
    "Upholds",
  ];
  const edge = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...keys), fc.constantFrom(...names));
  const request = fc.tuple(fc.constantFrom("start", "stop", "restart"), fc.constantFrom(...names));
  const ways = fc.dictionary(fc.constantFrom(...names), fc.constantFrom<Way>("fails", "ends"));
  await fc.assert(
    fc.asyncProperty(
      fc.array(edge, { maxLength: 10 }),
      ways,
      fc.array(request),
      async (edges, way, requests) => {
        const files = names.map((name) => {
          const lines = edges.filter(([from]) => from === name).map(([, key, to]) => `${key}=${to}`);
          return [name, lines.join("; ")] as const;
        });
        const units = machine(Object.fromEntries(files), way);
        const outcomes: JobOutcome[] = [];
        for (const [type, unit] of requests) {
          void units.engine.request({ type, unit }).then((outcome) => outcomes.push(outcome));
        }
        await settled();
        await settled();
        expect(outcomes.length).toBe(requests.length);
        expect(names.filter((name) => units.engine.has(name))).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

describe("a job's time", () => {
  const SLOW = { "a.service": "when-told" } as const;

  test("is limited while it waits", async () => {
    const files = { "a.service": "", "b.service": "After=a.service" };
    const units = machine(files, SLOW, { jobTimeoutMs: 1000 });
    const outcomes = Promise.all([ask(units, "start", "a.service"), ask(units, "start", "b.service")]);
    await settled();
    units.passTime(1000);
    expect((await outcomes).map(({ result }) => result)).toEqual(["timeout", "timeout"]);
    expect(units.journal).toContain("b.service: Timed out starting b.service.");
    expect(units.stateOf("a.service")).toBe("activating");
  });

  test("can be limited while it runs only", async () => {
    const files = { "a.service": "", "b.service": "After=a.service" };
    const units = machine(files, SLOW, { jobRunningTimeoutMs: 1000 });
    const first = ask(units, "start", "a.service");
    const second = ask(units, "start", "b.service");
    await settled();
    units.passTime(1000);
    expect((await first).result).toBe("timeout");
    expect((await second).result).toBe("done");
  });

  test("is over when the job is", async () => {
    const units = machine({ "a.service": "" }, {}, { jobTimeoutMs: 1000 });
    expect((await ask(units, "start", "a.service")).result).toBe("done");
    units.passTime(5000);
    await settled();
    expect(units.journal).toEqual([]);
  });
});

describe("a unit that changes by itself", () => {
  test("takes down what is bound to it, and what it propagates stops to", async () => {
    const units = machine({
      "a.service*": "PropagatesStopTo=d.service",
      "b.service*": "BindsTo=a.service",
      "c.service*": "Requires=a.service",
      "d.service*": "",
    });
    units.become("a.service", "failed");
    await settled();
    expect(units.calls.toSorted()).toEqual(["stop b.service", "stop d.service"]);
  });

  test("takes up what it needs without an order, and down what it conflicts with", async () => {
    const units = machine({
      "a.service": "Requires=b.service; Wants=c.service; After=c.service; Conflicts=d.service",
      "b.service": "",
      "c.service": "",
      "d.service*": "",
    });
    units.become("a.service", "active");
    await settled();
    expect(units.calls.toSorted()).toEqual(["start b.service", "stop d.service"]);
  });

  test("and starts again has gone for what is bound to it, and has not failed for OnFailure=", async () => {
    const units = machine({
      "a.service*": "OnFailure=c.service",
      "b.service*": "BindsTo=a.service",
      "c.service": "",
    });
    units.engine.passed("a.service", "failed");
    units.become("a.service", "activating");
    await settled();
    expect(units.calls).toEqual(["stop b.service"]);
  });

  test("starts OnSuccess= when it is down and not failed, and never twice", async () => {
    const units = machine({
      "a.service*": "OnSuccess=b.service; OnFailure=c.service",
      "b.service": "",
      "c.service": "",
    });
    units.become("a.service", "inactive");
    units.become("a.service", "inactive");
    await settled();
    expect(units.calls).toEqual(["start b.service"]);
  });

  test("says in its journal that a follower cannot be started", async () => {
    const units = machine({ "a.service*": "OnFailure=none.service" });
    units.become("a.service", "failed");
    await settled();
    expect(units.journal.at(-1)).toContain(
      "Failed to enqueue OnFailure= job, ignoring: Unit none.service not found.",
    );
  });
});

test("a unit that cannot be upheld is given up after sixteen times, until ten seconds have passed", async () => {
  const units = machine({ "a.service": "Upholds=b.service", "b.service": "" }, { "b.service": "fails" });
  await ask(units, "start", "a.service");
  await settled();
  const starts = (): number => units.calls.filter((line) => line === "start b.service").length;
  expect(starts()).toBe(17);
  expect(units.journal.some((line) => line.includes("tried this too often recently"))).toBe(true);
  units.passTime(10_001);
  units.engine.changed("b.service");
  await settled();
  expect(starts()).toBe(33);
});

describe("a restart", () => {
  test("is saved while the unit is down for it", async () => {
    const units = machine({ "a.service*": "" }, { "a.service": "when-told" });
    const restarted = ask(units, "restart", "a.service");
    await settled();
    expect(units.calls).toEqual(["stop a.service", "start a.service"]);
    expect(units.saved).toEqual(["a.service"]);
    units.tell("a.service");
    expect((await restarted).result).toBe("done");
    expect(units.saved).toEqual([]);
  });

  test("of a unit that is down is a start, and nothing is saved", async () => {
    const units = machine({ "a.service": "" }, { "a.service": "when-told" });
    void ask(units, "restart", "a.service");
    await settled();
    expect(units.saved).toEqual([]);
  });

  test("that an earlier supervisor left half done is finished", async () => {
    const units = new PaperUnits({ "a.service": "" });
    units.saved = ["a.service", "gone.service"];
    expect(units.engine.has("a.service")).toBe(true);
    units.engine.begin();
    await settled();
    expect(units.engine.has("a.service")).toBe(false);
    expect(units.calls).toEqual(["start a.service"]);
    expect(units.saved).toEqual([]);
  });

  test("is forgotten when a stop takes its place", async () => {
    const units = machine({ "a.service*": "" }, { "a.service": "when-told" });
    const restarted = ask(units, "restart", "a.service");
    await settled();
    await ask(units, "stop", "a.service");
    expect((await restarted).result).toBe("canceled");
    expect(units.saved).toEqual([]);
  });
});

describe("modes", () => {
  test("flush cancels every other job", async () => {
    const units = machine({ "a.service": "", "b.service": "" }, { "a.service": "when-told" });
    const first = ask(units, "start", "a.service");
    await settled();
    expect(await units.engine.request({ type: "start", unit: "b.service", mode: "flush" })).toEqual({
      result: "done",
    });
    expect((await first).result).toBe("canceled");
  });

  test("isolate is for starts, triggering for stops", async () => {
    const units = machine({ "a.service*": "AllowIsolate=yes" });
    const outcome = await units.engine.request({ type: "stop", unit: "a.service", mode: "isolate" });
    expect(outcome.error).toBe("InvalidArgs");
    const other = await units.engine.request({ type: "start", unit: "a.service", mode: "triggering" });
    expect(other.error).toBe("InvalidArgs");
  });
});

test("a reload asked for while one runs is run behind it", async () => {
  const units = machine({ "a.service*": "CanReload=" });
  const first = ask(units, "reload", "a.service");
  await Promise.resolve();
  const second = ask(units, "reload", "a.service");
  await Promise.all([first, second]);
  expect(units.calls).toEqual(["reload a.service", "reload a.service"]);
});

test("a start by hand of what refuses it is refused, and one by dependency is not", async () => {
  const units = machine({ "a.service": "" }, {}, { refuseManualStart: true });
  expect(await ask(units, "start", "a.service")).toMatchObject({
    error: "OnlyByDependency",
    message: expect.stringContaining("may be requested by dependency only"),
  });
  const added = await units.engine.add({ type: "start", unit: "a.service", mode: "replace" });
  expect(added.result).toBe("done");
});

test("closing answers everybody, and asks nothing more of units", async () => {
  const units = machine({ "a.service": "", "b.service": "After=a.service" }, { "a.service": "when-told" });
  const outcomes = Promise.all([ask(units, "start", "a.service"), ask(units, "start", "b.service")]);
  await settled();
  units.engine.close();
  expect((await outcomes).map(({ result }) => result)).toEqual(["canceled", "canceled"]);
  units.become("a.service", "active");
  await settled();
  expect(units.calls).toEqual(["start a.service"]);
});

test("units that were down to be started again are noted as such until each of them is up", async () => {
  const units = new PaperUnits({ "a.service": "", "b.service": "" }, { "a.service": "when-told" });
  const lists: (readonly string[])[] = [];
  units.saved = ["a.service", "b.service"];
  units.saveRestarts = (names) => void lists.push(names);
  units.engine.begin();
  await settled();
  expect(lists).toEqual([["a.service"]]);
  units.tell("a.service");
  await settled();
  expect(lists.at(-1)).toEqual([]);
});
