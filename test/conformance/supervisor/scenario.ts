/**
 * A scenario: unit files, and a script of actions and expectations that must hold on every supervisor. The format is
 * told in README.md. Reading one is pure; each fault names its file and line.
 */
import type { JobMode, JobType } from "#supervisor/supervisor.ts";
import { type Property, readProperty } from "./properties.ts";

export interface Scenario {
  /** `topic/stem`. */
  readonly name: string;
  /** What it shows: the comment before its first section. */
  readonly title: string;
  readonly units: readonly ScenarioFile[];
  readonly programs: readonly ScenarioFile[];
  readonly steps: readonly Step[];
  /** No other scenario may run meanwhile: it isolates a unit, which ends all others, or says so itself. */
  readonly isAlone: boolean;
}

export interface ScenarioFile {
  readonly name: string;
  readonly text: string;
}

export type Side = "embedded" | "systemd";

/** One line of a script. */
export interface Step {
  readonly line: number;
  readonly text: string;
  readonly action: Action;
  /** The side on which this line is known not to hold, and why. */
  readonly differs?: { readonly side: Side; readonly reason: string };
}

export interface Expected {
  readonly property: Property;
  readonly value: string;
}

export interface Job {
  readonly type: JobType;
  readonly unit: string;
  readonly mode: JobMode;
}

/** As the result of a job: whatever it is, if only it is the same on both sides. */
export const ANY_RESULT = "*";

export type Action =
  | { readonly do: "job"; readonly job: Job; readonly result: string }
  | { readonly do: "begin"; readonly label: string; readonly job: Job }
  | { readonly do: "await"; readonly label: string; readonly result: string }
  | { readonly do: "reset-failed"; readonly unit: string }
  | { readonly do: "kill"; readonly unit: string; readonly signal: string; readonly whom: "main" | "all" }
  | { readonly do: "until" | "show"; readonly unit: string; readonly expected: readonly Expected[] }
  | { readonly do: "settle"; readonly ms: number }
  | { readonly do: "rest" }
  | { readonly do: "write"; readonly path: string; readonly text: string }
  | { readonly do: "remove" | "mkdir" | "nofile"; readonly path: string }
  | { readonly do: "file"; readonly path: string; readonly text: string }
  | { readonly do: "log"; readonly unit: string; readonly text: string };

const JOB_TYPES: readonly JobType[] = [
  "start",
  "stop",
  "restart",
  "try-restart",
  "reload",
  "reload-or-restart",
  "reload-or-try-restart",
  "verify-active",
];

const JOB_MODES: readonly JobMode[] = [
  "replace",
  "fail",
  "replace-irreversibly",
  "isolate",
  "flush",
  "ignore-dependencies",
  "ignore-requirements",
  "triggering",
];

interface Section {
  readonly heading: string;
  /** Number of the heading's line. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** Reads a scenario; `name` is `topic/stem`. Throws an Error that says file, line and what is wrong there. */
export function parseScenario(name: string, text: string): Scenario {
  const stem = name.slice(name.lastIndexOf("/") + 1);
  const [head, ...sections] = splitSections(text);
  const fail: Fail = (line, message) => {
    throw new Error(`${name}.scenario:${line}: ${message}`);
  };
  const units: ScenarioFile[] = [];
  const programs: ScenarioFile[] = [];
  const steps: Step[] = [];
  for (const { heading, line, lines } of sections) {
    const [kind = "", argument] = heading.split(" ");
    if (kind === "script") steps.push(...readScript(lines, line + 1, fail));
    else if (kind === "program" && argument !== undefined)
      programs.push({ name: argument, text: join(lines) });
    else if (kind.startsWith(stem)) units.push({ name: kind, text: join(lines) });
    else fail(line, `the unit ${kind} must begin with the name of its scenario, ${stem}`);
  }
  if (steps.length === 0) fail(1, "there is no script: a section `--- script` with at least one line");
  const title = (head?.lines ?? []).map((line) => line.replace(/^#\s*/, "")).join(" ");
  const isAlone = steps.some(isolates) || sections.some(({ heading }) => heading === "script alone");
  return { name, title: title.trim(), units, programs, steps, isAlone };
}

type Fail = (line: number, message: string) => never;

function isolates({ action }: Step): boolean {
  return (action.do === "job" || action.do === "begin") && action.job.mode === "isolate";
}

function join(lines: readonly string[]): string {
  const text = lines.join("\n");
  return text.trim() === "" ? "" : `${text.trimEnd()}\n`;
}

function splitSections(text: string): readonly Section[] {
  const sections: { heading: string; line: number; lines: string[] }[] = [
    { heading: "", line: 0, lines: [] },
  ];
  for (const [index, line] of text.split("\n").entries()) {
    const heading = /^---\s+(.*\S)\s*$/.exec(line)?.[1];
    if (heading === undefined) sections.at(-1)?.lines.push(line);
    else sections.push({ heading, line: index + 1, lines: [] });
  }
  return sections;
}

function readScript(lines: readonly string[], first: number, fail: Fail): readonly Step[] {
  return lines.flatMap((text, index): Step[] => {
    if (/^\s*(#.*)?$/.test(text)) return [];
    const line = first + index;
    const [, script = text, side, reason = ""] = /^(.*?)\s+#\s*(embedded|systemd):\s*(.*)$/.exec(text) ?? [];
    const action = readAction(script.trim(), (message) => fail(line, message));
    const step = { line, text: script.trim(), action };
    return [side === "embedded" || side === "systemd" ? { ...step, differs: { side, reason } } : step];
  });
}

type FailLine = (message: string) => never;

/** What a line says, without its known difference. */
function readAction(text: string, fail: FailLine): Action {
  const [verb = "", ...words] = splitWords(text);
  const one = (what: string): string => words[0] ?? fail(`${verb} wants ${what}`);
  switch (verb) {
    case "begin": {
      const [label = fail("begin wants a name, a job and a unit"), type = "", ...rest] = words;
      return { do: "begin", label, job: readJob(type, rest, fail) };
    }
    case "await":
      return { do: "await", label: one("the name of a job that was begun"), result: readResult(words, fail) };
    case "reset-failed":
      return { do: "reset-failed", unit: one("a unit") };
    case "kill":
      return readKill(words, fail);
    case "until":
    case "show":
      return { do: verb, unit: one("a unit"), expected: readExpected(words.slice(1), fail) };
    case "settle":
      return { do: "settle", ms: Number(/^(\d+)ms$/.exec(one("300ms"))?.[1] ?? fail("settle wants 300ms")) };
    case "rest":
      return { do: "rest" };
    case "write":
    case "file":
    case "remove":
    case "mkdir":
    case "nofile":
      return readFileAction(verb, one("a path"), text, fail);
    case "log":
      return { do: "log", unit: one("a unit"), text: words[1] ?? fail('log wants a unit and a "text"') };
    case "isolate":
      return {
        do: "job",
        job: readJob("start", [one("a unit"), "mode=isolate"], fail),
        result: readResult(words, fail),
      };
    default:
      return { do: "job", job: readJob(verb, words, fail), result: readResult(words, fail) };
  }
}

function readJob(type: string, [unit, ...rest]: readonly string[], fail: FailLine): Job {
  const known = JOB_TYPES.find((one) => one === type) ?? fail(`there is no action ${type}`);
  const named = rest.find((word) => word.startsWith("mode="))?.slice("mode=".length) ?? "replace";
  const mode = JOB_MODES.find((one) => one === named) ?? fail(`there is no job mode ${named}`);
  return { type: known, unit: unit ?? fail(`${type} wants a unit`), mode };
}

function readResult(words: readonly string[], fail: FailLine): string {
  const arrow = words.indexOf("=>");
  return (arrow < 0 ? undefined : words[arrow + 1]) ?? fail("a job wants its result: => done");
}

function readKill([unit, signal, whom = "main"]: readonly string[], fail: FailLine): Action {
  if (unit === undefined || signal === undefined) return fail("kill wants a unit and a signal");
  if (whom !== "main" && whom !== "all") return fail(`kill wants main or all, not ${whom}`);
  return { do: "kill", unit, signal: signal.replace(/^SIG/, ""), whom };
}

/** `ACTIVE/SUB`, or `Property=value`. */
function readExpected(words: readonly string[], fail: FailLine): readonly Expected[] {
  if (words.length === 0) return fail("an expectation is missing: active/running or ActiveState=active");
  return words.flatMap((word): Expected[] => {
    const [, name = "", value = ""] = /^(\w+)=(.*)$/s.exec(word) ?? [];
    if (name !== "") {
      const property = readProperty(name) ?? fail(`there is no property ${name}`);
      return [{ property, value }];
    }
    const [, active = "", sub = ""] = /^([\w-]+)\/([\w-]+)$/.exec(word) ?? [];
    if (active === "") return fail(`${word} is neither ACTIVE/SUB nor Property=value`);
    return [
      { property: "ActiveState", value: active },
      { property: "SubState", value: sub },
    ];
  });
}

type FileVerb = "write" | "file" | "remove" | "mkdir" | "nofile";

function readFileAction(verb: FileVerb, path: string, line: string, fail: FailLine): Action {
  if (verb === "write" || verb === "file") {
    const rest = line.slice(line.indexOf(path) + path.length).trim();
    const text =
      verb === "write" ? rest : (/^==\s*(.*)$/.exec(rest)?.[1] ?? fail('file wants PATH == "TEXT"'));
    return { do: verb, path, text: splitWords(text).join(" ") };
  }
  return { do: verb, path };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

/** Words between blanks; double quotes keep blanks, and in them a backslash escapes. */
function splitWords(text: string): readonly string[] {
  const words = text.matchAll(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g);
  return [...words].map(([word]) =>
    word.replace(/"((?:[^"\\]|\\.)*)"/g, (_, quoted: string) =>
      quoted.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter),
    ),
  );
}
