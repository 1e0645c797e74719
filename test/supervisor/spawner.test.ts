/** The process that starts shims: its end ends no unit, and nothing is left of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { randomId } from "#base/random.ts";
import { systemRandom } from "#host/system.ts";
import { requirePerl, ShimSpawner } from "#supervisor/embedded/shim/spawner.ts";
import { isAlive, machineWith, service, shimOf } from "./machine.ts";

const SLEEP = "ExecStart=/bin/sleep 1000";

/** The spawners that are children of this process. */
function spawners(): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
      return parent === process.pid && command.startsWith("flotilla-spawner") ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000, interval: 10 }).toEqual([]);
}

test("units outlive the spawner, and the next unit is started by another one", async () => {
  await using setup = await machineWith([service("a.service", SLEEP), service("b.service", SLEEP)]);
  const { supervisor } = setup;
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  const before = spawners();
  expect(before).toHaveLength(1);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await untilGone(before);
  // The supervisor learns of it in its own time; a request that is lost with the old one fails, and says so.
  const first = await supervisor.start("b.service");
  if (first.result !== "done") expect(first.message).toContain("its shim could not be started");
  expect(await supervisor.start("b.service")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "active", sub: "running" });
});

test("the spawner ends with its supervisor, and its shims do not", async () => {
  await using setup = await machineWith([service("a.service", SLEEP)]);
  await setup.supervisor.start("a.service");
  const { mainPid = 0 } = setup.supervisor.status("a.service") ?? {};
  const own = spawners();
  await setup.supervisor.close();
  await untilGone(own);
  expect(isAlive(mainPid)).toBe(true);
});

test("a shim that cannot be made is a failure with its reason", async () => {
  const spawner = new ShimSpawner(() => {});
  const place = {
    unit: "a.service",
    id: randomId(systemRandom),
    runDirectory: "/no/such/directory",
    journal: {
      directory: "/no/such/directory",
      fileBytes: 1,
      files: 1,
      fileAgeMs: 1,
      unitFields: "",
      ownFields: "",
    },
  };
  await expect(spawner.spawn(place, "quit\n")).rejects.toThrow(/could not be started: .*No such file/);
  spawner.close();
  await expect(spawner.spawn(place, "quit\n")).rejects.toThrow("the supervisor is closing");
});

test("of a supervisor that has died no shim is born any more: its successor would not know it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-spawner-"));
  const spawner = new ShimSpawner(() => {});
  await spawner.probe();
  const own = spawners();
  for (const pid of own) process.kill(pid, "SIGSTOP");
  const journal = { directory, fileBytes: 1, files: 1, fileAgeMs: 1, unitFields: "", ownFields: "" };
  const place = { unit: "a.service", id: "a", runDirectory: directory, journal };
  const asked = spawner.spawn(place, "save\tseq=0\tstate={}\n");
  spawner.close();
  await expect(asked).rejects.toThrow("the supervisor is closing");
  // What was asked is with the process that has been stopped; only then does the line to it end.
  await new Promise((resolve) => setImmediate(resolve));
  for (const pid of own) process.kill(pid, "SIGCONT");
  await untilGone(own);
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

test("without Perl the error names the package to install", () => {
  expect(() => requirePerl("/no/such/perl")).toThrow(
    expect.objectContaining({ code: "unsupported", hint: expect.stringContaining("perl-base") }),
  );
});

test("processes are named by what they do", async () => {
  const name = `${"long-".repeat(30)}name.service`;
  await using setup = await machineWith([service(name, SLEEP)]);
  await setup.supervisor.start(name);
  const { mainPid = 0 } = setup.supervisor.status(name) ?? {};
  expect(readFileSync(`/proc/${shimOf(mainPid)}/cmdline`, "utf8")).toContain(`flotilla-shim: ${name}`);
});
