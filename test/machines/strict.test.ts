/**
 * Strict units on real machines under faults at random: never two copies, by a witness on a directory that all machines
 * share (witness.pl). That the witness can catch two is shown by a unit that is not strict. FLOTILLA_TEST_FAULTS says how
 * many faults, FLOTILLA_TEST_SEED which.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { seededRandom } from "#base/random.ts";
import { pick } from "../simulation/chance.ts";
import { FAULT_TEST_MS, FAULTS } from "./full-length.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "./machines.ts";
import { endure, randomFaults } from "./random-faults.ts";

const SEED = Number(process.env.FLOTILLA_TEST_SEED ?? 1);
const SHARED = "/shared";
/** Not where the store is: without it nothing is started elsewhere. */
const PLACE = "[X-Fleet]\nMachineMetadata=store=no\n";
const STRICT = "[X-Flotilla]\nFailover=strict\n";
/** The rest of a lease, the margin and a start, on a computer that does much else. */
const SETTLED_MS = 60_000;

describe.runIf(canBootMachines)("on three machines that share a storage", () => {
  let machines: Machines;
  const shared = mkdtempSync(join(tmpdir(), "flotilla-witness-"));
  cpSync(join(import.meta.dirname, "witness.pl"), join(shared, "witness.pl"));

  beforeAll(async () => {
    machines = await Machines.start({ count: 3, binds: [`--bind=${shared}:${SHARED}`] });
    for (const { name } of machines.others("m1"))
      await machines.get("m1").must("flotilla", "machine", "metadata", name, "store=no");
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(async () => {
    await machines.stop();
    rmSync(shared, { recursive: true, force: true });
  });

  /** Restart=always: what is killed would come back at once if anything let it. */
  const launch = async (name: string, more: string): Promise<void> => {
    mkdirSync(join(shared, name));
    const command = `/usr/bin/perl ${SHARED}/witness.pl ${SHARED}/${name}`;
    const text = `[Service]\nExecStart=${command}\nRestart=always\nRestartSec=0\n${PLACE}${more}`;
    await machines.launch([`${name}.service`], text);
  };
  const lines = (name: string, file: "errors" | "starts"): readonly string[] => {
    try {
      return readFileSync(join(shared, name, file), "utf8")
        .trim()
        .split("\n");
    } catch {
      return [];
    }
  };
  /** The row of the unit once it is the only one, and active. */
  const settled = async (name: string): Promise<UnitRow> => {
    let found: UnitRow | undefined;
    const isSettled = async (): Promise<boolean> => {
      const { units } = await machines.get("m1").client.units({ units: [`${name}.service`] });
      found = units.length === 1 && units[0]?.active === "active" ? units[0] : undefined;
      return found !== undefined;
    };
    await until(`${name} active once`, isSettled, SETTLED_MS);
    if (found === undefined) throw new Error(`${name} is not there`);
    return found;
  };

  test(
    "a unit that is not strict is caught running twice while its machine is cut off",
    async () => {
      await launch("loose", "");
      const { machineName } = await settled("loose");
      await machines.get(machineName).cutFrom(machines.all);
      await expect.poll(() => lines("loose", "errors"), { timeout: SETTLED_MS }).not.toEqual([]);
    },
    FAULT_TEST_MS,
  );

  test(
    `a strict one is not, in ${FAULTS} faults (seed ${SEED}), and each later start elsewhere has a higher token`,
    async () => {
      const random = seededRandom(SEED);
      await launch("strict", STRICT);
      for (const [index, fault] of randomFaults(random, FAULTS).entries()) {
        const { machineName } = await settled("strict");
        const victim = fault.atHolder
          ? machines.get(machineName)
          : pick(random, machines.others(machineName ?? ""));
        await endure(fault, victim, machines);
        expect(
          lines("strict", "errors"),
          `fault ${index}: ${JSON.stringify(fault)} on ${victim.name}`,
        ).toEqual([]);
      }
      await settled("strict");
      expect(lines("strict", "errors")).toEqual([]);
      const starts = lines("strict", "starts").map(startOf);
      expect(new Set(starts.map(({ machine }) => machine)).size).toBeGreaterThan(1);
      for (const [index, start] of starts.entries()) {
        const before = starts[index - 1];
        if (before !== undefined && before.machine !== start.machine)
          expect(start.token).toBeGreaterThan(before.token);
      }
      process.stdout.write(`strict: ${FAULTS} faults, ${starts.length} starts, never two\n`);
    },
    FAULT_TEST_MS,
  );
});

function startOf(line: string): { readonly machine: string; readonly token: number } {
  const [machine = "", , token] = line.split(" ");
  return { machine, token: Number(token) };
}
