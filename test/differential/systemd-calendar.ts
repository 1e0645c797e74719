/** `systemd-analyze calendar` as the authority on calendar events: its answers on many at once. */
import { spawnSync } from "node:child_process";

export interface CalendarAnswer {
  /** Undefined when the expression is refused. */
  readonly normalized: string | undefined;
  /** Seconds since 1970. */
  readonly elapses: readonly number[];
}

/** systemd found the expression good and then failed to find its next time, where it is known to: see known-differences.ts. */
export type CalendarFailure = "failed";

/** So many expressions a process; the arguments of one command may not grow without end. */
const BATCH = 1000;
const ITERATIONS = 5;
const FAILURE = /^Failed to determine next elapse for '(.*)': Resource deadlock avoided$/gm;

/** An answer for each expression, in order. @param baseSeconds the moment that the first elapse comes after */
export function systemdCalendar(
  expressions: readonly string[],
  baseSeconds: number,
  zone = "UTC",
): readonly (CalendarAnswer | CalendarFailure)[] {
  return Array.from({ length: Math.ceil(expressions.length / BATCH) }, (_, at) =>
    answers(expressions.slice(at * BATCH, (at + 1) * BATCH), baseSeconds, zone),
  ).flat();
}

function answers(
  expressions: readonly string[],
  baseSeconds: number,
  zone: string,
): readonly (CalendarAnswer | CalendarFailure)[] {
  const options = [`--iterations=${ITERATIONS}`, `--base-time=@${baseSeconds}`];
  const { stdout, stderr, error } = spawnSync(
    "systemd-analyze",
    ["calendar", ...options, "--", ...expressions],
    {
      encoding: "utf8",
      env: { ...process.env, TZ: zone, LC_ALL: "C.UTF-8" },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (error !== undefined) throw error;
  // A refused expression prints nothing; each but the last ends in an empty line.
  const blocks = stdout.split(/^\n/m);
  const failed = new Set([...stderr.matchAll(FAILURE)].map(([, expression]) => expression));
  return expressions.map((expression, index) =>
    failed.has(expression) ? "failed" : readAnswer(blocks[index] ?? ""),
  );
}

function readAnswer(block: string): CalendarAnswer {
  const utc = zoneOf(block) === "UTC" ? /(?:elapse|Iter\. #\d+): \w+ (.*) UTC/g : /in UTC\): \w+ (.*) UTC/g;
  return {
    normalized: /^Normalized form: (.*)$/m.exec(block)?.[1],
    elapses: [...block.matchAll(utc)].map(([, time = ""]) => Date.parse(`${time.replace(" ", "T")}Z`) / 1000),
  };
}

/** Local times are printed beside those in UTC unless they are the same. */
function zoneOf(block: string): "UTC" | "other" {
  return block.includes("(in UTC)") ? "other" : "UTC";
}
