import { describe, expect, test } from "vitest";
import { readDependencies } from "#unit/read-dependencies.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { boundTo, type Job, planStart, planStop, type UnitGraph } from "./transaction.ts";

/** Units by the lines of their [Unit]; a name with a star is up. */
function graphOf(units: Readonly<Record<string, string>>): UnitGraph {
  const entries = Object.entries(units).map(([key, lines]) => {
    const name = key.replace("*", "");
    const file = parseUnitFile(`[Unit]\n${lines.replaceAll("; ", "\n")}\n`);
    return [
      name,
      { dependencies: readDependencies(file, specifierContext(name)), isUp: key.endsWith("*") },
    ] as const;
  });
  return new Map(entries);
}

const show = (jobs: readonly Job[]): readonly string[] =>
  jobs.map(
    ({ kind, unit, after }) => `${kind} ${unit}${after.length > 0 ? ` after ${after.join(" ")}` : ""}`,
  );

function starts(units: Readonly<Record<string, string>>, anchor = "a.service"): readonly string[] {
  const transaction = planStart(graphOf(units), anchor);
  return transaction.kind === "jobs"
    ? show(transaction.jobs)
    : [`${transaction.result}: ${transaction.message}`];
}

describe("a start", () => {
  test("of a unit alone is one job", () => {
    expect(starts({ "a.service": "" })).toEqual(["start a.service"]);
  });

  test("pulls in what is required and wanted, in the order asked for", () => {
    const units = {
      "a.service": "Requires=b.service; After=b.service; Wants=c.service",
      "b.service": "",
      "c.service": "",
    };
    expect(starts(units)).toEqual(["start b.service", "start a.service after b.service", "start c.service"]);
  });

  test("does not wait for what it requires without an order", () => {
    expect(starts({ "a.service": "Requires=b.service", "b.service": "" })).toEqual([
      "start a.service",
      "start b.service",
    ]);
  });

  test("leaves alone what is up already", () => {
    expect(starts({ "a.service": "Requires=b.service; After=b.service", "b.service*": "" })).toEqual([
      "start a.service",
    ]);
  });

  test("is refused when a required unit is missing, also at one remove, and not when it is only wanted", () => {
    expect(starts({ "a.service": "Requires=b.service" })[0]).toMatch(
      /^invalid: a.service requires b.service/,
    );
    expect(starts({ "a.service": "Requires=b.service", "b.service": "BindsTo=c.service" })[0]).toContain(
      "c.service is not loaded",
    );
    expect(starts({ "a.service": "Wants=b.service", "b.service": "Requires=c.service" })).toEqual([
      "start a.service",
    ]);
  });

  test("needs what is Requisite to be up", () => {
    expect(starts({ "a.service": "Requisite=b.service", "b.service": "" })[0]).toMatch(/^dependency/);
    expect(starts({ "a.service": "Requisite=b.service", "b.service*": "" })).toEqual(["start a.service"]);
  });

  test("stops what conflicts with it first, from whichever side that is said", () => {
    const stopped = ["stop b.service", "start a.service after b.service"];
    expect(starts({ "a.service": "Conflicts=b.service", "b.service*": "" })).toEqual(stopped);
    expect(starts({ "a.service": "", "b.service*": "Conflicts=a.service" })).toEqual(stopped);
    expect(starts({ "a.service": "Conflicts=b.service", "b.service": "" })).toEqual(["start a.service"]);
  });

  test("of a target comes behind what it wants", () => {
    expect(starts({ "a.target": "Wants=b.service", "b.service": "" }, "a.target")).toEqual([
      "start b.service",
      "start a.target after b.service",
    ]);
  });

  test("breaks a cycle of orders instead of waiting for ever", () => {
    const jobs = starts({ "a.service": "Wants=b.service; After=b.service", "b.service": "After=a.service" });
    expect(jobs).toHaveLength(2);
    expect(jobs.filter((job) => job.includes("after"))).toHaveLength(1);
  });
});

describe("a stop", () => {
  test("takes along what requires, is bound to or part of the unit, in reverse order, and not what wants it", () => {
    const graph = graphOf({
      "db.service*": "",
      "app.service*": "Requires=db.service; After=db.service",
      "side.service*": "PartOf=app.service",
      "fan.service*": "Wants=db.service",
      "off.service": "BindsTo=db.service",
    });
    expect(show(planStop(graph, "db.service"))).toEqual([
      "stop app.service",
      "stop db.service after app.service",
      "stop side.service",
    ]);
  });

  test("that nobody asked for takes along only what is bound to the unit", () => {
    const graph = graphOf({
      "db.service": "",
      "app.service*": "Requires=db.service",
      "side.service*": "BindsTo=db.service",
    });
    expect(boundTo(graph, "db.service")).toEqual(["side.service"]);
  });
});
