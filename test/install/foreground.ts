/** A program in the foreground, until it is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Foreground {
  readonly pid: number;
  /** What it has said until now. */
  readonly output: () => string;
  /** Kills it at once; resolves when it has ended. */
  readonly kill: () => Promise<void>;
}

export function startForeground(path: string, args: readonly string[]): Foreground {
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const ended = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    output: () => said,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
