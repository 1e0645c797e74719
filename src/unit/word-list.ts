/** Grammars of values that are several words, each read for itself. */
import { Complaint } from "./diagnostic.ts";
import { type Grammar, type UnresolvedForm, unresolved, type ValueContext } from "./grammar.ts";
import { expandNameSpecifiers, expandSpecifiers } from "./specifiers.ts";
import { QUOTED_WORDS, splitWords, type WordOptions } from "./words.ts";

interface WordListRules<T> {
  /** What to write, for hints. */
  readonly name: string;
  /** How words are told apart; as paths are unless said otherwise. */
  readonly words?: WordOptions;
  /** How systemd speaks of an unknown specifier; undefined: specifiers mean nothing here. */
  readonly specifiers?: UnresolvedForm;
  /** The words are names of units, where fewer specifiers are known. */
  readonly areNames?: true;
  /** systemd's words for a value with a quote that is not closed; `%v` and `%k` stand for value and key. */
  readonly unclosed?: string;
  /** The first word that is wrong ends the list. */
  readonly stopsAtFault?: true;
  /** Reads a word of `value`, specifiers expanded. */
  read(word: string, context: ValueContext, value: string): T | Complaint;
}

/** A word that cannot be read is complained about and left out; one that spoils the unit spoils the value. */
export function wordList<T>(rules: WordListRules<T>): Grammar<readonly T[]> {
  const { name, words: options = QUOTED_WORDS, unclosed = "Invalid syntax, ignoring: %v" } = rules;
  return {
    name,
    parse: (value, context) => {
      const { words, unbalanced } = splitWords(value, options);
      const found: T[] = [];
      for (const word of words) {
        const read = readWord(rules, word, context, value);
        if (!(read instanceof Complaint)) found.push(read);
        else if (read.severity === "error") return read;
        else {
          context.warn(read.message, read.part ?? word);
          if (rules.stopsAtFault) return found;
        }
      }
      if (unbalanced) context.warn(unclosed.replace("%k", context.key).replace("%v", () => value));
      return found;
    },
  };
}

function readWord<T>(
  rules: WordListRules<T>,
  word: string,
  context: ValueContext,
  value: string,
): T | Complaint {
  if (rules.specifiers === undefined) return rules.read(word, context, value);
  const expand = rules.areNames ? expandNameSpecifiers : expandSpecifiers;
  const expanded = expand(word, context.specifiers);
  return expanded === undefined ? unresolved(word, rules.specifiers) : rules.read(expanded, context, value);
}
