/** A supervisor in a process of its own, which a test can kill. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";
import type { TestMachine } from "./machine.ts";

const HOLDER = `${import.meta.dirname}/programs/holder.ts`;

const report = z.object({
  outcomes: z.array(z.object({ result: z.string(), message: z.string().optional() })),
  statuses: z.array(z.looseObject({ name: z.string(), active: z.string(), mainPid: z.number().optional() })),
  enforcement: z.looseObject({ users: z.boolean(), notes: z.array(z.string()) }),
});

export interface Holder {
  readonly child: ChildProcess;
  readonly report: z.infer<typeof report>;
  /** SIGKILL, as when the daemon crashes. */
  kill(): Promise<void>;
}

/** Starts the units of the machine from another process; `before`: a program that is given the command to run. */
export async function hold(
  machine: TestMachine,
  units: readonly string[],
  before: readonly string[] = [],
): Promise<Holder> {
  const [program = "", ...args] = [
    ...before,
    process.execPath,
    HOLDER,
    machine.directory,
    machine.cgroupName ?? "",
    ...units,
  ];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  machine.isHeldBy(child);
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return {
    child,
    report: report.parse(JSON.parse(text)),
    kill: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
