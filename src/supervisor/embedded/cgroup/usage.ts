/** What a unit has used, as the files of its cgroups tell. Pure: the reader of files is handed in. */
import { present } from "#base/present.ts";
import type { UnitUsage } from "../../supervisor.ts";

/** The text of a controller's file in the unit's cgroup; undefined where there is none. */
export type ReadUsageFile = (
  controller: "memory" | "cpu" | "pids" | "io",
  file: string,
) => string | undefined;

/** What is not counted on this machine is absent. */
export function readUsage(read: ReadUsageFile): UnitUsage {
  return {
    ...present(
      "memoryBytes",
      number(read("memory", "memory.current") ?? read("memory", "memory.usage_in_bytes")),
    ),
    ...present(
      "memoryPeakBytes",
      number(read("memory", "memory.peak") ?? read("memory", "memory.max_usage_in_bytes")),
    ),
    ...present("cpuMs", cpuMs(read)),
    ...present("tasks", number(read("pids", "pids.current"))),
    ...ioBytes(read),
  };
}

function cpuMs(read: ReadUsageFile): number | undefined {
  const microseconds = /^usage_usec (\d+)$/m.exec(read("cpu", "cpu.stat") ?? "")?.[1];
  if (microseconds !== undefined) return Number(microseconds) / 1000;
  const nanoseconds = number(read("cpu", "cpuacct.usage"));
  return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
}

function ioBytes(read: ReadUsageFile): Pick<UnitUsage, "ioReadBytes" | "ioWriteBytes"> {
  const second = read("io", "io.stat");
  if (second !== undefined) {
    return { ioReadBytes: sum(second, /\brbytes=(\d+)/g), ioWriteBytes: sum(second, /\bwbytes=(\d+)/g) };
  }
  const first = read("io", "blkio.throttle.io_service_bytes");
  if (first === undefined) return {};
  return { ioReadBytes: sum(first, /\bRead (\d+)/g), ioWriteBytes: sum(first, /\bWrite (\d+)/g) };
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
}

function number(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}
