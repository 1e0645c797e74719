/** What the supervisor writes about a service into its journal, in systemd's words. */
import { exitCodeName } from "#unit/exit-status.ts";
import { signalNumber } from "#unit/values.ts";
import type { ProcessEnd } from "./state.ts";

/** `code=exited, status=1/FAILURE`, `code=killed, status=9/KILL`. */
export function describeEnd({ code, signal, core }: ProcessEnd): string {
  if (signal === undefined) return `code=exited, status=${code}/${exitCodeName(code ?? 0) ?? "n/a"}`;
  return `code=${core === true ? "dumped" : "killed"}, status=${signalNumber(signal)}/${signal}`;
}

/** `3s`, `1min 30s`, `200ms`: a time span as systemd prints it. */
export function describeSpan(ms: number): string {
  if (!Number.isFinite(ms)) return "infinity";
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const;
  let left = Math.round(ms);
  const parts = units.flatMap(([name, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count === 0 ? [] : [`${count}${name}`];
  });
  return parts.length === 0 ? "0" : parts.join(" ");
}
