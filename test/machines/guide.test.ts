/** The guide for three machines, typed as it stands: what it says is printed is printed. */
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingLines, readGuide, type Step } from "./guide.ts";
import { builtPackage } from "./installation.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines } from "./machines.ts";

const PAGE = "docs/guides/three-machines-in-five-minutes.md";
const HOME = "/root";
const GUIDE_MS = 120_000;

describe("a guide's page", () => {
  test("is read as files, commands with what they print, and plugs", () => {
    const page =
      "```ini\n# a.service\n[Unit]\n```\n```\nm1# x y\nz\n\n# pull m2's plug\n# plug m2 in again\n```\n";
    expect(readGuide(page)).toEqual([
      { kind: "file", name: "a.service", text: "# a.service\n[Unit]\n" },
      { kind: "type", machine: "m1", command: "x y", printed: ["z"] },
      { kind: "plug", machine: "m2", on: false },
      { kind: "plug", machine: "m2", on: true },
    ]);
  });

  test("differs from what is printed in nothing but times, machines and addresses", () => {
    expect(missingLines(["m1 at 10.0.0.1", "a … c"], "m3 at 10.77.1.9\na b c")).toEqual([]);
    expect(missingLines(["m1 is gone"], "m1 is back")).toEqual(["m1 is gone"]);
  });
});

describe.runIf(canBootMachines)("three machines in five minutes", () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-guide-"));
  let machines: Machines;
  let token = "";

  beforeAll(async () => {
    const deb = await builtPackage(directory);
    machines = await Machines.start({
      count: 3,
      bare: true,
      binds: [`--bind-ro=${deb}:${HOME}/${basename(deb)}`],
    });
  }, BOOT_TIMEOUT_MS);

  afterAll(async () => {
    await machines.stop();
    await rm(directory, { recursive: true });
  });

  test(
    "is what its guide says",
    async () => {
      const steps = readGuide(readFileSync(PAGE, "utf8"));
      for (const step of steps) await follow(step);
      expect(steps.filter(({ kind }) => kind === "type").length).toBeGreaterThan(10);
    },
    GUIDE_MS,
  );

  async function follow(step: Step): Promise<void> {
    if (step.kind === "type") return type(step);
    if (step.kind === "file") return machines.get("m1").write(`${HOME}/${step.name}`, step.text);
    const machine = machines.get(step.machine);
    if (!step.on) {
      await machine.cutPower();
      await machines.joined(machines.names.filter((name) => name !== step.machine));
      return;
    }
    await machine.switchOn();
    await machines.joined();
  }

  async function type({ machine, command, printed }: Extract<Step, { kind: "type" }>): Promise<void> {
    const typed = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].reduce(
      (text, address, index) => text.replaceAll(address, machines.all[index]?.address ?? ""),
      command.replace(/flo_\w+…/, token),
    );
    const on = machines.get(machine);
    const { exitCode, stdout, stderr } = await on.run("bash", "-c", `cd ${HOME}; ${typed}`);
    token = /^flo_\w+$/m.exec(stdout)?.[0] ?? token;
    const missing = missingLines(printed, `${stdout}${stderr}`);
    expect({ command, exitCode, missing, ...(missing.length > 0 ? { stdout, stderr } : {}) }).toEqual({
      command,
      exitCode: 0,
      missing: [],
    });
  }
});
