/**
 * The notation of expectations in golden unit files:
 *
 *     # expect warning: MESSAGE     about the next line that is no comment; `error` likewise
 *     # expect service PATH = JSON  what readService yields at a path; also dependencies, timer, placement
 *     # expect reads JSON           what the value of the next assignment is read as; Infinity is null
 */
export interface ExpectedProblem {
  readonly severity: string;
  readonly line: number;
  readonly message: string;
}

export interface ExpectedValue {
  readonly reader: "service" | "dependencies" | "timer" | "placement";
  readonly path: string;
  readonly json: string;
}

/** What the value of the assignment in a line is read as. */
export interface ExpectedReading {
  readonly line: number;
  readonly json: string;
}

export interface Expectations {
  readonly problems: readonly ExpectedProblem[];
  readonly values: readonly ExpectedValue[];
  readonly readings: readonly ExpectedReading[];
}

const READERS = ["service", "dependencies", "timer", "placement"] as const;

export function expectations(text: string): Expectations {
  const problems: ExpectedProblem[] = [];
  const values: ExpectedValue[] = [];
  const readings: ExpectedReading[] = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const expected = /^# expect (.*)$/.exec(line)?.[1];
    if (expected === undefined) continue;
    const problem = /^(error|warning): (.*)$/.exec(expected);
    const reading = /^reads (.*)$/.exec(expected)?.[1];
    const value = /^(\w+) (\S+) = (.*)$/.exec(expected);
    const reader = READERS.find((name) => name === value?.[1]);
    if (problem !== null) {
      const [, severity = "", message = ""] = problem;
      problems.push({ severity, message, line: lineBelow(lines, index) });
    } else if (reading !== undefined) readings.push({ line: lineBelow(lines, index), json: reading });
    else if (reader !== undefined) values.push({ reader, path: value?.[2] ?? "", json: value?.[3] ?? "" });
    else throw new Error(`no expectation: ${line}`);
  }
  return { problems, values, readings };
}

/** Number of the next line that is no comment. */
function lineBelow(lines: readonly string[], index: number): number {
  const offset = lines.slice(index).findIndex((line) => !line.startsWith("#"));
  return index + offset + 1;
}
