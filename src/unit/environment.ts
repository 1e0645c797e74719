/** `Environment=` and the file that `EnvironmentFile=` names: two different notations for the same assignments. */
import { Complaint } from "./diagnostic.ts";
import type { Grammar, ValueContext } from "./grammar.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { ESCAPED_WORDS, splitWords } from "./words.ts";

export type EnvironmentAssignment = readonly [name: string, value: string];

/** `A=1 "B=two words"` of Environment=: systemd.exec(5). */
export const environmentAssignments: Grammar<readonly EnvironmentAssignment[]> = {
  name: 'assignments such as A=1 "B=two words"',
  parse: parseEnvironment,
};

function parseEnvironment(text: string, context: ValueContext): readonly EnvironmentAssignment[] {
  const { words, unbalanced } = splitWords(text, ESCAPED_WORDS);
  const assignments: EnvironmentAssignment[] = [];
  for (const word of words) {
    const assignment = parseAssignment(word, context);
    if (assignment instanceof Complaint) context.warn(assignment.message, word);
    else assignments.push(assignment);
  }
  if (unbalanced) context.warn(`Invalid syntax, ignoring: ${text}`);
  return assignments;
}

function parseAssignment(word: string, context: ValueContext): EnvironmentAssignment | Complaint {
  const expanded = expandSpecifiers(word, context.specifiers);
  if (expanded === undefined)
    return new Complaint(`Failed to resolve specifiers in ${word}, ignoring: Invalid slot`);
  const equals = expanded.indexOf("=");
  const name = expanded.slice(0, Math.max(equals, 0));
  const value = expanded.slice(equals + 1);
  if (!isVariableName(name) || hasControlCharacters(value)) {
    return new Complaint(`Invalid environment assignment, ignoring: ${expanded}`);
  }
  return [name, value];
}

export function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/** Tabs and newlines are allowed in values. */
function hasControlCharacters(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\x00-\x08\x0b-\x1f\x7f]/.test(value);
}

type State =
  | "before-key"
  | "key"
  | "before-value"
  | "value"
  | "value-escape"
  | "single-quote"
  | "double-quote"
  | "double-quote-escape"
  | "comment"
  | "comment-escape";

/**
 * The text of an environment file. The notation resembles the shell's and is not it: comments begin with `#` or `;`,
 * an unquoted backslash keeps the next character and joins lines, `'…'` is verbatim, in `"…"` a backslash counts only
 * before `"`, `\`, `$` and a backtick. Quotes count only at the start of a value or right behind another quoted part.
 * Assignments whose name is no variable's name are left out.
 */
export function parseEnvironmentFile(text: string): readonly EnvironmentAssignment[] {
  const reader = new EnvironmentFileReader();
  for (const char of text.replace(/^\uFEFF/, "")) reader.take(char);
  return reader.finish();
}

class EnvironmentFileReader {
  readonly #assignments: EnvironmentAssignment[] = [];
  #state: State = "before-key";
  #key = "";
  #value = "";
  /** Length of the value without the unquoted blanks at its end. */
  #valueEnd = 0;

  take(char: string): void {
    this.#state = this.#next(char);
  }

  finish(): readonly EnvironmentAssignment[] {
    const inValue = !["before-key", "key", "comment", "comment-escape"].includes(this.#state);
    if (inValue) this.#emit();
    return this.#assignments;
  }

  #next(char: string): State {
    switch (this.#state) {
      case "before-key":
        return this.#beforeKey(char);
      case "key":
        return this.#inKey(char);
      case "before-value":
        return this.#beforeValue(char);
      case "value":
        return this.#inValue(char);
      case "value-escape":
        return isNewline(char) ? "value" : this.#push(char, "value");
      case "single-quote":
        return char === "'" ? "before-value" : this.#push(char, "single-quote");
      case "double-quote":
        if (char === '"') return "before-value";
        return char === "\\" ? "double-quote-escape" : this.#push(char, "double-quote");
      case "double-quote-escape":
        return this.#inDoubleQuoteEscape(char);
      case "comment":
        if (char === "\\") return "comment-escape";
        return isNewline(char) ? "before-key" : "comment";
      case "comment-escape":
        return "comment";
    }
  }

  #beforeKey(char: string): State {
    if (char === "#" || char === ";") return "comment";
    if (isBlank(char)) return "before-key";
    this.#key = char;
    return "key";
  }

  #inKey(char: string): State {
    if (isNewline(char)) return "before-key";
    if (char !== "=") {
      this.#key += char;
      return "key";
    }
    this.#value = "";
    this.#valueEnd = 0;
    return "before-value";
  }

  #beforeValue(char: string): State {
    if (isNewline(char)) return this.#emit();
    if (char === "'") return "single-quote";
    if (char === '"') return "double-quote";
    if (char === "\\") return "value-escape";
    return isBlank(char) ? "before-value" : this.#push(char, "value");
  }

  #inValue(char: string): State {
    if (isNewline(char)) return this.#emit();
    if (char === "\\") return "value-escape";
    if (!isBlank(char)) return this.#push(char, "value");
    this.#value += char;
    return "value";
  }

  #inDoubleQuoteEscape(char: string): State {
    if ('"\\`$'.includes(char)) return this.#push(char, "double-quote");
    return char === "\n" ? "double-quote" : this.#push(`\\${char}`, "double-quote");
  }

  #push(text: string, next: State): State {
    this.#value += text;
    this.#valueEnd = this.#value.length;
    return next;
  }

  #emit(): State {
    const key = this.#key.trimEnd();
    if (isVariableName(key)) this.#assignments.push([key, this.#value.slice(0, this.#valueEnd)]);
    return "before-key";
  }
}

function isNewline(char: string): boolean {
  return char === "\n" || char === "\r";
}

function isBlank(char: string): boolean {
  return char === " " || char === "\t" || isNewline(char);
}
