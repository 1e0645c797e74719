import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { UnitDetail, UnitFileList, UnitList, UnitResult, UnitResults } from "#api/bodies.ts";
import type { ErrorBody } from "#base/errors.ts";
import { keys, ranges } from "#model/keys.ts";
import { prefixRange } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import { M1, M2, SERVICE, TestCluster } from "./served-cluster.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(() => cluster.close());

async function submit(
  unit: string,
  text: string | undefined,
  options: { desired?: string; replace?: boolean; templateText?: string } = {},
): Promise<UnitResult | undefined> {
  const { templateText, ...wish } = options;
  const body = { units: [{ unit, text, templateText }], ...wish };
  return (await cluster.call<UnitResults>("POST", "/v1/units", body)).body.results[0];
}

async function change(verb: string, ...units: string[]): Promise<readonly UnitResult[]> {
  return (await cluster.call<UnitResults>("POST", `/v1/units/${verb}`, { units })).body.results;
}

async function detail(unit: string): Promise<UnitDetail> {
  return (await cluster.call<UnitDetail>("GET", `/v1/units/${unit}`)).body;
}

describe("submit", () => {
  test("stores the file under its hash and the unit, with an event, and is read back at once", async () => {
    const result = await submit("web.service", SERVICE);
    expect(result).toMatchObject({ status: "changed", desired: "inactive", launch: 0, error: null });
    const stored = await cluster.store.range(prefixRange(ranges.files));
    expect(stored.count).toBe(1);
    expect((await cluster.store.range(prefixRange(ranges.events))).count).toBe(1);
    expect(await detail("web.service")).toMatchObject({ hash: result?.hash, description: "A test" });
  });

  test("of the same text again changes nothing", async () => {
    await submit("web.service", SERVICE);
    expect(await submit("web.service", SERVICE)).toMatchObject({ status: "unchanged" });
    expect((await cluster.store.range(prefixRange(ranges.events))).count).toBe(1);
  });

  test("of another text is refused unless it shall replace", async () => {
    const first = await submit("web.service", SERVICE);
    const refused = await submit("web.service", `${SERVICE}# other\n`);
    expect(refused).toMatchObject({ status: "refused", error: { code: "unit-exists" } });
    expect((await detail("web.service")).hash).toBe(first?.hash);
    const replaced = await submit("web.service", `${SERVICE}# other\n`, { replace: true });
    expect(replaced?.status).toBe("changed");
    expect((await detail("web.service")).history).toMatchObject([{ file: first?.hash }]);
  });

  test("does not replace the file of a unit that is launched", async () => {
    await submit("web.service", SERVICE, { desired: "launched" });
    const refused = await submit("web.service", `${SERVICE}# other\n`, { replace: true });
    expect(refused).toMatchObject({ status: "refused", error: { code: "conflict" } });
  });

  test("of a thousand units of one text writes every unit and one file", async () => {
    const units = Array.from({ length: 1_000 }, (_, index) => ({
      unit: `u@${index}.service`,
      text: SERVICE,
    }));
    const { body } = await cluster.call<UnitResults>("POST", "/v1/units", { units, desired: "launched" });
    expect(body.results.map(({ status }) => status)).toEqual(units.map(() => "changed"));
    expect((await cluster.store.range({ ...prefixRange(ranges.units), countOnly: true })).count).toBe(1_000);
    expect((await cluster.store.range({ ...prefixRange(ranges.files), countOnly: true })).count).toBe(1);
  });

  test("of more units than a request may have is refused whole", async () => {
    const units = Array.from({ length: 1_001 }, (_, index) => ({
      unit: `u@${index}.service`,
      text: SERVICE,
    }));
    const { status, body } = await cluster.call<ErrorBody>("POST", "/v1/units", { units });
    expect([status, body.code]).toEqual([413, "limit-exceeded"]);
    expect((await cluster.store.range(prefixRange(ranges.units))).count).toBe(0);
  });

  test("with one bad unit among good ones stores the good ones and says what is wrong with the bad", async () => {
    const units = [
      { unit: "good.service", text: SERVICE },
      { unit: "bad name.service", text: SERVICE },
      { unit: "large.service", text: `# ${"x".repeat(600 * 1024)}\n` },
    ];
    const { body } = await cluster.call<UnitResults>("POST", "/v1/units", { units });
    expect(body.results.map((result) => result.error?.code)).toEqual([
      undefined,
      "bad-unit-name",
      "unit-too-large",
    ]);
    expect((await cluster.store.range(prefixRange(ranges.units))).count).toBe(1);
  });

  test("decides anew when somebody else has changed the unit since the mirror saw it", async () => {
    await submit("web.service", SERVICE);
    const { view } = cluster.dependencies.mirror;
    const record = view.units.get("web.service");
    const racing = cluster.store.txn({
      compare: [],
      success: [putJson(keys.unit("web.service"), { ...record, desired: "loaded" })],
      failure: [],
    });
    const result = await submit("web.service", undefined, { desired: "launched" });
    await racing;
    expect(result).toMatchObject({ status: "changed", desired: "launched" });
  });
});

describe("start", () => {
  test("of an instance takes the text of its stored template", async () => {
    const template = await submit("web@.service", SERVICE);
    const started = await submit("web@1.service", undefined, { desired: "launched", templateText: "other" });
    expect(started).toMatchObject({ status: "changed", hash: template?.hash, desired: "launched" });
  });

  test("of an instance takes the template that is given when none is stored", async () => {
    const started = await submit("web@1.service", undefined, { desired: "launched", templateText: SERVICE });
    expect(started).toMatchObject({ status: "changed", desired: "launched" });
  });

  test("of a template is refused", async () => {
    const result = await submit("web@.service", SERVICE, { desired: "launched" });
    expect(result?.error?.code).toBe("template-not-startable");
  });

  test("of a unit that nobody has submitted is refused", async () => {
    expect((await submit("web.service", undefined, { desired: "launched" }))?.error?.code).toBe(
      "unit-not-found",
    );
  });

  test.each([
    ["running", { active: "active" }, false],
    ["coming up", { active: "activating", sub: "auto-restart" }, false],
    ["failed", { active: "failed", sub: "failed", result: "exit-code" }, true],
    ["ended", { active: "inactive", sub: "dead" }, true],
  ])("of a unit that is %s raises its launch: %s", async (_, state, raised) => {
    await submit("web.service", SERVICE, { desired: "launched" });
    await cluster.report("web.service", M1, state);
    const before = await detail("web.service");
    await submit("web.service", undefined, { desired: "launched" });
    expect((await detail("web.service")).launch > before.launch).toBe(raised);
  });

  test("of a unit whose launch its machine has not taken up yet raises nothing", async () => {
    await submit("web.service", SERVICE, { desired: "launched" });
    await cluster.report("web.service", M1, { active: "failed", launch: 0 });
    expect((await submit("web.service", undefined, { desired: "launched" }))?.status).toBe("unchanged");
  });

  test("of a oneshot that has finished runs it again", async () => {
    await submit("job.service", SERVICE, { desired: "launched" });
    const { launch, hash } = await detail("job.service");
    await cluster.write(
      putJson(keys.outcome("job.service"), { launch, file: hash, machine: M1, finishedMs: 5 }),
    );
    expect((await submit("job.service", undefined, { desired: "launched" }))?.launch).toBeGreaterThan(launch);
  });

  test("of a unit that was destroyed and submitted again is a launch that was never used", async () => {
    const before = await submit("web.service", SERVICE, { desired: "launched" });
    await change("destroy", "web.service");
    const after = await submit("web.service", SERVICE, { desired: "launched" });
    expect(after?.launch).toBeGreaterThan(before?.launch ?? Number.NaN);
  });
});

describe("stop, unload, restart and destroy", () => {
  test("take a launched unit back step by step", async () => {
    await submit("web.service", SERVICE, { desired: "launched" });
    expect(await change("stop", "web.service")).toMatchObject([{ status: "changed", desired: "loaded" }]);
    expect(await change("stop", "web.service")).toMatchObject([{ status: "unchanged", desired: "loaded" }]);
    expect(await change("unload", "web.service")).toMatchObject([{ status: "changed", desired: "inactive" }]);
    expect(await change("stop", "web.service")).toMatchObject([{ error: { code: "unit-not-loaded" } }]);
    expect(await change("destroy", "web.service")).toMatchObject([{ status: "changed", desired: null }]);
    expect((await cluster.store.range(prefixRange(ranges.units))).count).toBe(0);
  });

  test("say of each unit by itself that it is not there", async () => {
    await submit("web.service", SERVICE);
    const results = await change("restart", "web.service", "nope.service");
    expect(results).toMatchObject([
      { unit: "web.service", status: "changed", desired: "launched" },
      { unit: "nope.service", status: "refused", error: { code: "unit-not-found" } },
    ]);
  });

  test("a restart raises the launch of a unit that runs", async () => {
    const before = await submit("web.service", SERVICE, { desired: "launched" });
    await cluster.report("web.service", M1);
    const [after] = await change("restart", "web.service");
    expect(after?.launch).toBeGreaterThan(before?.launch ?? Number.NaN);
  });
});

describe("lists", () => {
  test("show a unit on each machine that has it, and one that is nowhere once", async () => {
    await cluster.addMachine(M1, "m1");
    await submit("idle.service", SERVICE);
    await submit("lost.service", SERVICE, { desired: "launched" });
    await submit("web.service", SERVICE, { desired: "launched" });
    await cluster.report("web.service", M1);
    await cluster.report("web.service", M2);
    const { body } = await cluster.call<UnitList>("GET", "/v1/units");
    expect(body.units.map(({ unit, machineName, active }) => [unit, machineName, active])).toEqual([
      ["lost.service", null, null],
      ["web.service", "m1", "active"],
      ["web.service", "12222222", "active"],
    ]);
    const files = await cluster.call<UnitFileList>("GET", "/v1/unit-files");
    expect(files.body.unitFiles.map(({ unit, desired, state }) => [unit, desired, state])).toEqual([
      ["idle.service", "inactive", "inactive"],
      ["lost.service", "launched", "inactive"],
      ["web.service", "launched", "inactive"],
    ]);
  });

  test("say why a unit fits on no machine, machine by machine", async () => {
    await cluster.addMachine(M1, "m1");
    await submit("web.service", `${SERVICE}[X-Fleet]\nMachineMetadata=disk=ssd\n`, { desired: "launched" });
    const [row] = (await detail("web.service")).rows;
    expect(row?.unplaced?.refusals).toMatchObject([{ machineName: "m1", code: "metadata" }]);
    expect(row?.unplaced?.final).toBe(true);
  });
});
