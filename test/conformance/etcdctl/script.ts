/**
 * A script is a file of etcdctl's command lines, run in order against one store. Beside plain commands there are
 *
 *     $L = lease grant 100          the lease's ID is $L from here on
 *     txn < compare\n\nop\n\n\n     what follows the sign is the command's input, with \n for new lines
 *     begin W watch a               runs beside what follows
 *     end W 4                       once it has written so many lines it is ended, and they are its outcome
 *
 * Words may be quoted. A line that begins with # is a comment.
 */

export type Step =
  | {
      readonly kind: "run";
      readonly line: string;
      readonly words: readonly string[];
      readonly input: string;
      /** The name of the lease that the output shows. */
      readonly capture: string | undefined;
    }
  | {
      readonly kind: "begin";
      readonly line: string;
      readonly name: string;
      readonly words: readonly string[];
    }
  | { readonly kind: "end"; readonly line: string; readonly name: string; readonly lines: number };

export function parseScript(text: string): Step[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map(parseLine);
}

function parseLine(line: string): Step {
  const [, first = "", name = "", rest = ""] = /^(begin|end) (\w+) (.*)$/.exec(line) ?? [];
  if (first === "begin") return { kind: "begin", line, name, words: splitWords(rest) };
  if (first === "end") return { kind: "end", line, name, lines: Number(rest) };
  const [, capture, command = line] = /^\$(\w+) = (.*)$/.exec(line) ?? [];
  const [args = "", input = ""] = command.split(/ < (.*)/s);
  return { kind: "run", line, words: splitWords(args), input: input.replaceAll("\\n", "\n"), capture };
}

export function splitWords(line: string): string[] {
  const words = line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_all, double?: string, single?: string) => double ?? single ?? ""),
  );
}
