/** What a person reads who asks for help. */
import { describe, expect, test } from "vitest";
import type { Command } from "#cli/command.ts";
import { COMMANDS } from "#cli/commands.ts";
import { runCommand } from "./terminal.ts";

describe("help", () => {
  test("lists the commands for people, not those for completion scripts", async () => {
    const { stdout } = await runCommand("--help");
    expect(stdout).toMatch(/^ {2}completion /m);
    expect(stdout).not.toMatch(/^ {2}complete /m);
  });
});

describe("the help of every command", () => {
  const lines = (commands: readonly Command[], before = ""): string[] =>
    commands
      .filter((command) => command.hidden !== true)
      .flatMap((command) => {
        const line = `${before}${command.name}`;
        return [line, ...lines(command.commands ?? [], `${line} `)];
      });

  test.each(lines(COMMANDS))("begins with examples and fits on 80 columns: %s", async (line) => {
    const { exit, stdout } = await runCommand(`${line} --help`);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^Examples:\n {2}.*flotilla /);
    expect(Math.max(...stdout.split("\n").map((text) => text.length))).toBeLessThanOrEqual(80);
  });
});
