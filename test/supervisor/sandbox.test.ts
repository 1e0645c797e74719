/** What a unit's run is given goes with it, its commands share what they should, and what cannot be enforced is said. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { entryWhere, machineWith, output, service, statusWhere } from "./machine.ts";

const POWERLESS = join(import.meta.dirname, "programs/powerless.ts");
/** What the program prints. */
const powerlessReport = z.object({
  results: z.array(z.string()),
  exitCode: z.number(),
  warnings: z.array(z.string()),
  notes: z.array(z.string()),
});
const isRoot = process.getuid?.() === 0;

function privateTmpOf(unit: string): readonly string[] {
  return readdirSync("/tmp").filter(
    (name) => name.startsWith("flotilla-private-") && name.includes(`-${unit}-`),
  );
}

describe.runIf(isRoot)("a /tmp of its own", () => {
  test("is there as long as the run, closed to everybody else, and gone behind it", async () => {
    const name = `tmp-${process.pid}.service`;
    await using held = await machineWith([
      service(name, "PrivateTmp=yes", "ExecStart=/bin/sh -c 'touch /tmp/mine; echo up; exec sleep 1000'"),
    ]);
    await held.supervisor.start(name);
    await entryWhere(held.supervisor, name, /^up$/);
    const [directory = "none"] = privateTmpOf(name);
    expect(readdirSync(join("/tmp", directory, "tmp"))).toEqual(["mine"]);
    expect(existsSync("/tmp/mine")).toBe(false);
    await held.supervisor.stop(name);
    expect(privateTmpOf(name)).toEqual([]);
    expect(existsSync(join("/var/tmp", directory))).toBe(false);
  });

  test("goes with the power, too", async () => {
    const name = `tmp-cut-${process.pid}.service`;
    await using held = await machineWith([
      service(name, "PrivateTmp=yes", "ExecStart=/bin/sh -c 'echo up; exec sleep 1000'"),
    ]);
    await held.supervisor.start(name);
    await entryWhere(held.supervisor, name, /^up$/);
    expect(privateTmpOf(name)).toHaveLength(1);
    await held.machine.cutPower();
    expect(privateTmpOf(name)).toEqual([]);
  });

  test("is a new one after each automatic restart", async () => {
    const name = `tmp-again-${process.pid}.service`;
    await using held = await machineWith([
      service(
        name,
        "PrivateTmp=yes",
        "Restart=on-failure",
        "RestartSec=10ms",
        "StartLimitBurst=2",
        "ExecStart=/bin/sh -c 'ls -A /tmp | wc -l; touch /tmp/left; exit 1'",
      ),
    ]);
    await held.supervisor.start(name);
    await statusWhere(held.supervisor, name, ({ active }) => active === "failed");
    expect(await output(held.supervisor, name)).toEqual(["0", "0"]);
    expect(privateTmpOf(name)).toEqual([]);
  });
});

test.runIf(isRoot)("the network that commands share outlives the supervisor that made it", async () => {
  await using held = await machineWith([
    service(
      "net.service",
      "PrivateNetwork=yes",
      "ExecStart=/bin/sh -c 'readlink /proc/self/ns/net; exec sleep 1000'",
      "ExecStop=/bin/readlink /proc/self/ns/net",
    ),
  ]);
  await held.supervisor.start("net.service");
  await entryWhere(held.supervisor, "net.service", /^net:/);
  const next = await held.machine.boot();
  await next.stop("net.service");
  const [first, second, ...more] = (await output(next, "net.service")).filter((line) =>
    line.startsWith("net:"),
  );
  expect(second).toBe(first);
  expect(more).toEqual([]);
});

test.runIf(isRoot)("credentials go with the run", async () => {
  await using held = await machineWith([
    service(
      "secret.service",
      "SetCredential=word:xyzzy",
      "ExecStart=/bin/sh -c 'echo $$CREDENTIALS_DIRECTORY; cat $$CREDENTIALS_DIRECTORY/word; echo; exec sleep 1000'",
    ),
  ]);
  await held.supervisor.start("secret.service");
  await entryWhere(held.supervisor, "secret.service", /^xyzzy$/);
  const [directory = ""] = await output(held.supervisor, "secret.service");
  expect(readFileSync(join(directory, "word"), "utf8")).toBe("xyzzy");
  await held.supervisor.stop("secret.service");
  expect(existsSync(directory)).toBe(false);
});

test.runIf(isRoot)(
  "a machine that cannot confine says so, and runs nothing that would see other files",
  async () => {
    const lost = ["--bounding-set", "-sys_admin,-setpcap", process.execPath, POWERLESS];
    const { stdout } = await promisify(execFile)("setpriv", lost);
    const { results, exitCode, warnings, notes } = powerlessReport.parse(JSON.parse(stdout));
    expect(results).toEqual(["done", "failed"]);
    expect(exitCode).toBe(226);
    expect(warnings).toEqual([
      "protected.service: PrivateTmp= is not enforced on this machine: Operation not permitted",
      "protected.service: PrivateNetwork= is not enforced on this machine: Operation not permitted",
    ]);
    expect(notes.join("\n")).toMatch(/ProtectSystem=.* not enforced on this machine/);
  },
);
