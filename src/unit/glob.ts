/** Globs on unit names with the meaning of Go's path.Match, which fleet uses for Conflicts= and Replaces=. */

type Token =
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "char"; readonly char: string }
  | {
      readonly kind: "set";
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

/**
 * True when the whole of `name` matches: `*` any run of characters but `/`, `?` one of them, `[a-c]` and `[^a-c]`
 * sets, `\` takes the next character literally. A malformed pattern matches nothing, as in fleet.
 */
export function matchGlob(pattern: string, name: string): boolean {
  const tokens = tokenize(pattern);
  return tokens !== undefined && matchTokens(tokens, [...name]);
}

/** False for a pattern that can never match because it is malformed. */
export function isGlob(pattern: string): boolean {
  return tokenize(pattern) !== undefined;
}

/** Greedy matching that goes back to the last star only: linear in pattern times name. */
function matchTokens(tokens: readonly Token[], chars: readonly string[]): boolean {
  let token = 0;
  let char = 0;
  let star = -1;
  let starChar = 0;
  while (char < chars.length) {
    const current = tokens[token];
    if (current?.kind === "star") {
      star = token++;
      starChar = char;
    } else if (current !== undefined && matchesOne(current, chars[char] ?? "")) {
      token++;
      char++;
    } else if (star >= 0 && chars[starChar] !== "/") {
      token = star + 1;
      char = ++starChar;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest.kind === "star");
}

function matchesOne(token: Token, char: string): boolean {
  if (token.kind === "any") return char !== "/";
  if (token.kind === "char") return token.char === char;
  if (token.kind === "star") return false;
  return token.ranges.some(([low, high]) => low <= char && char <= high) !== token.negated;
}

function tokenize(pattern: string): readonly Token[] | undefined {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*") tokens.push({ kind: "star" });
    else if (char === "?") tokens.push({ kind: "any" });
    else if (char === "[") {
      const set = tokenizeSet(chars, at + 1);
      if (set === undefined) return undefined;
      tokens.push(set.token);
      at = set.end;
    } else {
      const literal = char === "\\" ? chars[++at] : char;
      if (literal === undefined) return undefined;
      tokens.push({ kind: "char", char: literal });
    }
  }
  return tokens;
}

/** The set that begins behind the bracket at `start`; `end` is the index of its closing bracket. */
function tokenizeSet(chars: readonly string[], start: number): { token: Token; end: number } | undefined {
  const negated = chars[start] === "^";
  const ranges: [string, string][] = [];
  let at = negated ? start + 1 : start;
  while (chars[at] !== "]" || ranges.length === 0) {
    const low = takeSetChar(chars, at);
    if (low === undefined) return undefined;
    at = low.next;
    let high = low;
    if (chars[at] === "-") {
      const end = takeSetChar(chars, at + 1);
      if (end === undefined) return undefined;
      high = end;
      at = end.next;
    }
    ranges.push([low.char, high.char]);
  }
  return { token: { kind: "set", negated, ranges }, end: at };
}

function takeSetChar(chars: readonly string[], at: number): { char: string; next: number } | undefined {
  const char = chars[at];
  if (char === undefined || char === "-" || char === "]") return undefined;
  if (char !== "\\") return { char, next: at + 1 };
  const escaped = chars[at + 1];
  return escaped === undefined ? undefined : { char: escaped, next: at + 2 };
}
