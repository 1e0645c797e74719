/** Grammars of settings for CPUs and block devices: systemd.resource-control(5). */
import { parseSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { expanded, type Grammar, grammar } from "./grammar.ts";
import type { DeviceSetting } from "./resources.ts";

/** The highest number that systemd takes for a CPU or a memory node, and one more. */
const MAX_CPUS = 8192;

/** Numbers and ranges between commas or blanks, as the kernel writes them: `0-3,8`. */
export const cpuSet: Grammar<string> = expanded({
  name: "CPU numbers such as 0-3,8",
  parse: (text) => {
    const parts = text.split(/[\s,]+/).filter((part) => part !== "");
    const problem = parts.map((part) => findCpuProblem(part)).find((found) => found !== undefined);
    return problem === undefined ? parts.join(",") : new Complaint(problem);
  },
});

function findCpuProblem(part: string): string | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(part);
  if (match === null) return `Failed to parse CPU affinity '${part}'`;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first > last) return `Range '${part}' is invalid, ${first} > ${last}, ignoring.`;
  return last < MAX_CPUS ? undefined : `Cannot add CPU ${last} to set: Numerical result out of range`;
}

/** `/dev/sda 10M`: bytes a second, K being 1000. */
export const deviceBandwidth = deviceSetting(
  "a device and bytes a second such as /dev/sda 10M",
  "bandwidth",
  parseRate,
);

/** `/dev/sda 1K`: operations a second. */
export const deviceOperations = deviceSetting(
  "a device and operations a second such as /dev/sda 1K",
  "bandwidth",
  parseRate,
);

export const deviceWeight = deviceSetting("a device and a weight such as /dev/sda 200", "weight", (text) => {
  const weight = /^\d+$/.test(text) ? Number(text) : 0;
  if (weight >= 1 && weight <= 10_000) return weight;
  const why = /^\d+$/.test(text) ? "Numerical result out of range" : "Invalid argument";
  return new Complaint(`IO weight '${text}' invalid, ignoring: ${why}`);
});

function parseRate(text: string): number | Complaint {
  const rate = text === "infinity" ? Number.POSITIVE_INFINITY : parseSize(text, 1000);
  return rate === undefined || rate <= 0 ? new Complaint(`Invalid IO limit '${text}', ignoring.`) : rate;
}

function deviceSetting(
  name: string,
  what: "bandwidth" | "weight",
  parse: (text: string) => number | Complaint,
): Grammar<DeviceSetting> {
  const place = what === "bandwidth" ? "device node or bandwidth" : "device path or weight";
  const path = expanded(grammar("a path", (text) => text, "%v"));
  return {
    name,
    parse: (text, context) => {
      const match = /^(\S+)\s+(.+)$/.exec(text);
      if (match === null) return new Complaint(`Invalid ${place} specified in '${text}', ignoring.`);
      const device = path.parse(match[1] ?? "", context);
      if (device instanceof Complaint) return device;
      const value = parse(match[2] ?? "");
      return value instanceof Complaint ? value : { path: device, value };
    },
  };
}
