/** The processes of this computer at one moment, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessTable {
  /** Running, in any state but dead and waiting to be reaped. */
  isAlive(pid: number): boolean;
  /** When it was started, in ticks since boot: with the process id, its identity. Undefined: there is no such process. */
  startOf(pid: number): string | undefined;
  descendantsOf(pid: number): readonly number[];
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly start: string;
}

export function readProcesses(): ProcessTable {
  const rows = readdirSync("/proc").flatMap((name) =>
    /^\d+$/.test(name) ? (readRow(Number(name)) ?? []) : [],
  );
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const children = Map.groupBy(rows, (row) => row.parent);
  return {
    isAlive: (pid) => byPid.has(pid),
    startOf: (pid) => byPid.get(pid)?.start,
    descendantsOf: (pid) => {
      const found: number[] = [];
      const open = [pid];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const below = (children.get(next) ?? []).map((row) => row.pid);
        found.push(...below);
        open.push(...below);
      }
      return found;
    },
  };
}

/** The fields behind the command's name, which may itself hold blanks and brackets: state, parent, …, start (the 20th). */
function readRow(pid: number): Row | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent = ""] = fields;
    if (state === "Z" || state === "X") return undefined;
    return { pid, parent: Number(parent), start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
