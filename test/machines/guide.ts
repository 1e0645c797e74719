/** The commands of a guide, and what it says that they print. Pure. */

export type Step =
  | {
      readonly kind: "type";
      readonly machine: string;
      readonly command: string;
      readonly printed: readonly string[];
    }
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  | { readonly kind: "plug"; readonly machine: string; readonly on: boolean };

/** What there is to do, in the order of the page: its fenced blocks, without language or with `ini`. */
export function readGuide(markdown: string): readonly Step[] {
  const blocks = [...markdown.matchAll(/^```(ini)?\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, text = ""]) =>
    language === "ini" ? [readFile(text)] : readTerminal(text),
  );
}

/** Its first line says what the file is called. */
function readFile(text: string): Step {
  const name = /^# (\S+)\n/.exec(text)?.[1];
  if (name === undefined) throw new Error(`a file without a name: ${text}`);
  return { kind: "file", name, text };
}

function readTerminal(text: string): readonly Step[] {
  const steps: Step[] = [];
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, machine, command] = /^(m\d)# (.*)$/.exec(line) ?? [];
    const [, pulled, plugged] = /^# (?:pull (m\d)'s plug|plug (m\d) in again)$/.exec(line) ?? [];
    const last = steps.at(-1);
    if (machine !== undefined && command !== undefined)
      steps.push({ kind: "type", machine, command, printed: [] });
    else if (pulled !== undefined) steps.push({ kind: "plug", machine: pulled, on: false });
    else if (plugged !== undefined) steps.push({ kind: "plug", machine: plugged, on: true });
    else if (last?.kind === "type") steps[steps.length - 1] = { ...last, printed: [...last.printed, line] };
    else throw new Error(`nobody prints this: ${line}`);
  }
  return steps;
}

/** What differs from one time to the next, on the page as in what is printed. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\bflo_[\w…]+/g, "TOKEN"],
  [/\b10\.\d+\.\d+\.\d+\b/g, "ADDRESS"],
  [/\b[0-9a-f]{32}\b|\b[0-9a-f]{8}\b/g, "ID"],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?/g, "TIME"],
  [/\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b/g, "TIME"],
  [/\b\d+(ms|s|min)\b/g, "DURATION"],
  [/\[\d+\]/g, "[PID]"],
  [/\bm\d\b/g, "MACHINE"],
  [/@\d\b/g, "@INSTANCE"],
  [/ {2,}/g, "  "],
];

/** The lines of a page that nothing of what was printed is like; `…` stands for anything. */
export function missingLines(page: readonly string[], printed: string): readonly string[] {
  const lines = printed.split("\n").map(withoutVarying);
  return page.filter((line) => {
    const parts = withoutVarying(line)
      .split("…")
      .map((part) => RegExp.escape(part));
    const expected = new RegExp(`^${parts.join(".*")}$`);
    return !lines.some((each) => expected.test(each));
  });
}

function withoutVarying(line: string): string {
  return VARYING.reduce((text, [what, word]) => text.replaceAll(what, word), line).trim();
}
