import { describe, expect, test } from "vitest";
import { ANYWHERE, type Placement } from "#unit/placement.ts";
import type { Candidate } from "./filters.ts";
import type { MachineFacts } from "./machine.ts";
import { type Choice, Scheduler } from "./scheduler.ts";

const GIB = 1024 ** 3;

function machine(id: string, facts: Partial<MachineFacts> = {}): MachineFacts {
  const capacity = { cpuMillis: 4000, memoryBytes: 4 * GIB };
  return { id: id.repeat(32), name: `node-${id}`, metadata: {}, capacity, cordoned: false, ...facts };
}

function candidate(unit: string, placement: Partial<Placement> = {}): Candidate {
  return { unit, placement: { ...ANYWHERE, ...placement } };
}

/** `a: why` for the machine chosen, `a: what speaks against it` for each otherwise. */
function inWords(choice: Choice): string {
  if (choice.kind === "chosen") return `${choice.machine[0]}: ${choice.reason}`;
  return choice.refusals.map((refusal) => `${refusal.machine[0]} ${refusal.text}`).join("; ");
}

function place(scheduler: Scheduler, unit: string, placement: Partial<Placement> = {}): string {
  return inWords(scheduler.place(candidate(unit, placement)));
}

describe("refusals name the fact", () => {
  const there = candidate("there.service", { conflicts: ["foe*.service"], replaces: ["weak.service"] });
  const other = candidate("x@1.service", { reservation: { memoryBytes: 3 * GIB, cpuMillis: 3500 } });
  test.each<[placement: Partial<Placement>, text: string]>([
    [{ metadata: [{ key: "disk", values: ["ssd"] }] }, "has disk=hdd, the unit asks for disk=ssd"],
    [{ metadata: [{ key: "gpu", values: ["a", "b"] }] }, "has no gpu, the unit asks for gpu=a or gpu=b"],
    [{ machineId: "bbbbbbbb" }, "is not bbbbbbbb, which the unit asks for"],
    [{ machineOf: ["peer.service"] }, "does not have peer.service (MachineOf), which is on no machine"],
    [
      { machineOf: ["far.service"] },
      "does not have far.service (MachineOf), which is on c0ffee, which is gone",
    ],
    [
      { conflicts: ["x@*.service"] },
      "has x@1.service, which the unit conflicts with (Conflicts=x@*.service)",
    ],
    [{ maxPerMachine: 1 }, "has 1 of x@.service, the unit allows 1 (MaxPerMachine)"],
    [{ reservation: { memoryBytes: 2 * GIB } }, "needs 2G of memory, 1G of 4G is free"],
    [{ reservation: { memoryShare: 0.5 } }, "needs 2G of memory, 1G of 4G is free"],
    [{ reservation: { cpuMillis: 1000 } }, "needs 1 core of CPU, 0.5 cores of 4 cores is free"],
    [{ global: true, machineOf: ["x@1.service"] }, "a global unit cannot also ask for MachineOf="],
  ])("%j", (placement, text) => {
    const scheduler = new Scheduler([machine("a", { metadata: { disk: "hdd" } })]);
    const [only] = scheduler.machines;
    if (only !== undefined) for (const unit of [there, other]) scheduler.add(unit.unit, unit.placement, only);
    scheduler.noteAway("far.service", "on c0ffee, which is gone");
    expect(place(scheduler, "x@2.service", placement)).toBe(`a ${text}`);
  });

  test.each([
    ["foe1.service", "a has there.service, which conflicts with the unit (Conflicts=foe*.service)"],
    ["weak.service", "a has there.service, which replaces the unit"],
  ])("what another unit says holds for %s too", (unit, text) => {
    const scheduler = new Scheduler([machine("a")]);
    scheduler.place(there);
    expect(place(scheduler, unit)).toBe(text);
  });

  test("a cordoned machine takes nothing new", () => {
    expect(place(new Scheduler([machine("a", { cordoned: true })]), "x.service")).toBe("a is cordoned");
  });
});

describe("choices give their reason", () => {
  const racks = [
    machine("a", { metadata: { rack: "r1" } }),
    machine("b", { metadata: { rack: "r1" } }),
    machine("c", { metadata: { rack: "r2", disk: "ssd" } }),
  ];

  test("least loaded, by what is reserved and not by how many", () => {
    const scheduler = new Scheduler([machine("a"), machine("b")]);
    place(scheduler, "big.service", { reservation: { memoryBytes: 2 * GIB } });
    for (const unit of ["b1.service", "b2.service", "b3.service"])
      expect(place(scheduler, unit)).toMatch(/^b/);
  });

  test("a preference outweighs the load", () => {
    const scheduler = new Scheduler(racks);
    const prefer = [{ key: "disk", value: "ssd", weight: 1 }];
    place(scheduler, "x.service", { prefer });
    expect(place(scheduler, "y.service", { prefer })).toBe(
      "c: prefers disk=ssd, least loaded of 3 machines that match (1 unit)",
    );
  });

  test("instances are spread over racks first and machines then", () => {
    const scheduler = new Scheduler(racks);
    const spread = ["rack", "machine"];
    const placed = [1, 2, 3, 4].map((index) => place(scheduler, `w@${index}.service`, { spread }));
    expect(placed.map((words) => words[0])).toEqual(["a", "c", "b", "c"]);
    expect(placed[1]).toBe(
      "c: spreads over rack and machine, least loaded of 3 machines that match (0 units)",
    );
  });

  test("an instance that leaves makes its rack less used, on machines that never had it too", () => {
    const scheduler = new Scheduler(racks);
    const spread = ["rack"];
    for (const index of [1, 2, 3]) place(scheduler, `w@${index}.service`, { spread });
    const [first, second] = scheduler.machines;
    if (first === undefined || second === undefined) throw new Error("there are three machines");
    scheduler.remove("w@1.service", first);
    scheduler.remove("w@3.service", second);
    expect(place(scheduler, "w@4.service", { spread })).toMatch(/^a: spreads over rack/);
  });

  test("a leaving instance counts on a cordoned machine's rack", () => {
    const cordoned = machine("d", { metadata: { rack: "r2" }, cordoned: true });
    const scheduler = new Scheduler([...racks, cordoned]);
    const spread = ["rack"];
    const { placement } = candidate("w@1.service", { spread });
    const [, , , last] = scheduler.machines;
    if (last === undefined) throw new Error("there are four machines");
    for (const index of [1, 2]) scheduler.add(`w@${index}.service`, placement, last);
    expect(place(scheduler, "w@3.service", { spread })).toMatch(/^a/);
    expect(place(scheduler, "w@4.service", { spread })).toMatch(/^b/);
    for (const index of [1, 2]) scheduler.remove(`w@${index}.service`, last);
    expect(place(scheduler, "w@5.service", { spread })).toMatch(/^c/);
  });

  test("a follower names its peer, a pin its machine", () => {
    const scheduler = new Scheduler(racks);
    place(scheduler, "peer.service");
    expect(place(scheduler, "side.service", { machineOf: ["peer.service"] })).toBe(
      "a: with peer.service (MachineOf), least loaded of 3 machines that match (1 unit)",
    );
    expect(place(scheduler, "pin.service", { machineId: "cccccccc" })).toBe(
      "c: pinned to cccccccc (MachineID)",
    );
  });
});

describe("what units use", () => {
  const busy = { usage: { cpuMillis: 2000, memoryBytes: GIB } };

  test("beyond what they count for makes their machine a worse choice", () => {
    const scheduler = new Scheduler([machine("a", busy), machine("b")]);
    for (const [index, home] of scheduler.machines.entries()) {
      scheduler.add(`here@${index}.service`, ANYWHERE, home);
    }
    scheduler.weighUsage();
    expect(place(scheduler, "x.service")).toMatch(/^b: /);
  });

  test("within what they reserve changes nothing", () => {
    const reserved: Placement = { ...ANYWHERE, reservation: { cpuMillis: 3000, memoryBytes: 2 * GIB } };
    const scheduler = new Scheduler([machine("a", busy), machine("b")]);
    for (const [index, home] of scheduler.machines.entries()) {
      scheduler.add(`here@${index}.service`, reserved, home);
    }
    scheduler.weighUsage();
    expect(place(scheduler, "x.service")).toMatch(/^a: /);
  });

  test("does not hide what comes beside it: units that come together are spread", () => {
    const half = { usage: { cpuMillis: 0, memoryBytes: 800 * 1024 ** 2 } };
    const scheduler = new Scheduler([machine("a"), machine("b", half)]);
    scheduler.weighUsage();
    const places = Array.from({ length: 12 }, (_, index) => place(scheduler, `x@${index}.service`)[0]);
    expect(places.filter((home) => home === "a")).toHaveLength(8);
    expect(places.filter((home) => home === "b")).toHaveLength(4);
  });
});
