/** ConditionCPUPressure= and its like: how long tasks waited for a resource lately, as the kernel counts it. */
import { existsSync } from "node:fs";
import { readText } from "./check.ts";

export type Resource = "cpu" | "memory" | "io";

/** The averages that the kernel keeps, by the spans they are over. */
const AVERAGES: Readonly<Record<string, string>> = {
  "10sec": "avg10",
  "1min": "avg60",
  "5min": "avg300",
};

/** `5%`, `5%/1min`, `system.slice:5%/10sec`: at most so much. Met where the kernel does not count pressure. */
export function isPressureLow(resource: Resource, argument: string): boolean | undefined {
  const [, slice, limit = "", span] =
    /^(?:([^:]+):)?(\d+(?:\.\d{1,2})?)%(?:\/(.*))?$/.exec(argument.trim()) ?? [];
  const average = AVERAGES[span === undefined || span === "" ? "5min" : span];
  if (!existsSync("/proc/pressure")) return true;
  if (limit === "" || Number(limit) > 100 || average === undefined) return undefined;
  const text = slice === undefined ? readText(`/proc/pressure/${resource}`) : pressureOf(slice, resource);
  if (text === "") return true;
  const kind = resource === "cpu" ? "some" : "full";
  const value = new RegExp(`^${kind} .*\\b${average}=([\\d.]+)`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value) <= Number(limit);
}

/** A slice lies below those whose names it begins with. */
function pressureOf(slice: string, resource: Resource): string {
  const parts = slice.replace(/\.slice$/, "").split("-");
  const path = parts.map((_, at) => `${parts.slice(0, at + 1).join("-")}.slice`).join("/");
  return readText(`/sys/fs/cgroup/${path}/${resource}.pressure`);
}
