/** Which commands a word probably stands for that is no command where it was typed. */
import { nearest } from "#base/nearest.ts";
import type { Command } from "./command.ts";

interface Named {
  readonly name: string;
  /** The names of the commands that it is beneath. */
  readonly group: string;
}

/**
 * The command lines that `word` behind `group` may have been meant for, such as `flotilla machine drain`: those that have
 * it in their name, those of that name in other groups, or else the nearest to a mistyped word, its own group first.
 * @param group the words between `flotilla` and the word, one blank between any two
 */
export function commandsMeant(word: string, group: string, commands: readonly Command[]): readonly string[] {
  const all = [...named(commands, "")];
  const here = all.filter((one) => one.group === group);
  const having = here.filter(({ name }) => `-${name}-`.includes(`-${word}-`));
  // `machine list` is `list-machines`.
  const turned = all.filter(({ name }) => name === `${word}-${group}s`);
  const elsewhere = all.filter(({ name }) => name === word);
  const found = [turned, [...having, ...elsewhere]].find((matches) => matches.length > 0);
  return (found ?? nearestTo(word, here, all)).map((one) =>
    ["flotilla", one.group, one.name].filter(Boolean).join(" "),
  );
}

function* named(commands: readonly Command[], group: string): Generator<Named> {
  for (const { name, hidden, commands: inner = [] } of commands) {
    if (hidden !== true) yield { name, group };
    yield* named(inner, `${group} ${name}`.trim());
  }
}

/** In other groups only where that is nearer. */
function nearestTo(word: string, here: readonly Named[], all: readonly Named[]): readonly Named[] {
  const name = nearest(
    word,
    [...here, ...all].map((one) => one.name),
  );
  const mine = here.filter((one) => one.name === name);
  return mine.length > 0 ? mine : all.filter((one) => one.name === name);
}
