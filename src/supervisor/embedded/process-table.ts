/** The processes of this computer at one moment, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessTable {
  readonly pids: readonly number[];
  /** Running, in any state but dead and waiting to be reaped. */
  isAlive(pid: number): boolean;
  descendantsOf(pid: number): readonly number[];
}

interface Row {
  readonly pid: number;
  readonly parent: number;
}

export function readProcesses(): ProcessTable {
  const rows = readdirSync("/proc").flatMap((name) =>
    /^\d+$/.test(name) ? (readRow(Number(name)) ?? []) : [],
  );
  const pids = rows.map(({ pid }) => pid);
  const alive = new Set(pids);
  const children = Map.groupBy(rows, (row) => row.parent);
  return {
    pids,
    isAlive: (pid) => alive.has(pid),
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

/** The fields behind the command's name, which may itself hold blanks and brackets: state, parent, … */
function readRow(pid: number): Row | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 2);
    if (state === "Z" || state === "X") return undefined;
    return { pid, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
