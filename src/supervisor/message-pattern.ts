/**
 * Searching messages for a regular expression that a user has given.
 *
 * Some expressions take for ever on some texts, so the search has a time limit, which only a context of its own can have.
 */
import { createContext, Script } from "node:vm";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";

/** Of one call; a call searches some hundred messages, which takes a millisecond. */
const TIMEOUT_MS = 500;
const SEARCH = new Script(
  "(() => { const own = pattern; return messages.map((message) => own.test(message)); })()",
);
const FOUND = z.array(z.boolean());

/** Says of each message whether it matches. @throws FlotillaError `bad-request`, also later when the search takes too long */
export function compilePattern(
  text: string,
  ignoreCase: boolean,
): (messages: readonly string[]) => readonly boolean[] {
  const globals: { pattern: RegExp; messages: readonly string[] } = {
    pattern: parsePattern(text, ignoreCase),
    messages: [],
  };
  const context = createContext(globals);
  return (messages) => {
    globals.messages = messages;
    try {
      return FOUND.parse(SEARCH.runInContext(context, { timeout: TIMEOUT_MS }));
    } catch (cause) {
      throw new FlotillaError("bad-request", `the search for "${text}" takes too long`, {
        hint: "repetitions within repetitions, such as (a+)+, are what takes for ever",
        cause,
      });
    }
  };
}

function parsePattern(text: string, ignoreCase: boolean): RegExp {
  try {
    return new RegExp(text, ignoreCase ? "iu" : "u");
  } catch (error) {
    throw new FlotillaError("bad-request", `"${text}" is no regular expression`, {
      causes: [error instanceof Error ? error.message : String(error)],
    });
  }
}
