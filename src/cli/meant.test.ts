import { describe, expect, test } from "vitest";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandsMeant } from "./meant.ts";

function inGroups(commands: readonly Command[]): readonly (readonly [group: string, name: string])[] {
  return commands.flatMap((group) => (group.commands ?? []).map(({ name }) => [group.name, name] as const));
}

describe("a command of a group that is typed without it", () => {
  const topLevel = new Set(COMMANDS.map(({ name }) => name));
  const alone = inGroups(COMMANDS).filter(([, name]) => !topLevel.has(name));
  test.each(alone)("is named with it: %s %s", (group, name) => {
    expect(commandsMeant(name, "", COMMANDS)).toContain(`flotilla ${group} ${name}`);
  });

  test.each(alone.filter(([, { length }]) => length > 4))("also mistyped: %s %s", (group, name) => {
    const swapped = name.slice(0, -3) + name.slice(-2, -1) + name.slice(-3, -2) + name.slice(-1);
    expect(commandsMeant(swapped, "", COMMANDS)).toContain(`flotilla ${group} ${name}`);
  });
});

describe("a word that is no command", () => {
  test.each([
    ["undrain", "", ["flotilla machine undrain"]],
    ["undran", "", ["flotilla machine undrain"]],
    ["drian", "", ["flotilla machine drain"]],
    ["undran", "machine", ["flotilla machine undrain"]],
    ["remove", "", ["flotilla machine remove", "flotilla store remove", "flotilla context remove"]],
    ["remove", "token", ["flotilla machine remove", "flotilla store remove", "flotilla context remove"]],
    ["lst-units", "", ["flotilla list-units"]],
    ["units", "", ["flotilla list-units"]],
    ["unit-files", "", ["flotilla list-unit-files"]],
    [
      "list",
      "",
      [
        "flotilla list-units",
        "flotilla list-unit-files",
        "flotilla list-machines",
        "flotilla token list",
        "flotilla kv list",
        "flotilla context list",
      ],
    ],
    ["machines", "", ["flotilla list-machines"]],
    ["list", "machine", ["flotilla list-machines"]],
    ["stauts", "", ["flotilla status"]],
    ["stauts", "store", ["flotilla store status"]],
    ["start", "machine", ["flotilla start"]],
    ["init", "machine", ["flotilla init"]],
    ["frobnicate", "", []],
    ["", "", []],
    ["complte", "", ["flotilla completion"]],
  ])("%j behind %j", (word, group, meant) => {
    expect(commandsMeant(word, group, COMMANDS)).toEqual(meant);
  });
});
