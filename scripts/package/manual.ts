/** The manual page flotilla(1), from the table of commands, so that it says what the program does. */
import type { Command, OptionSpec } from "../../src/cli/command.ts";

/** @returns the page in man(7)'s macros */
export function manualPage(
  commands: readonly Command[],
  globals: readonly OptionSpec[],
  version: string,
): string {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  return [
    `.TH FLOTILLA 1 "" "flotilla ${version}" "User Commands"`,
    ".SH NAME",
    "flotilla \\- make a set of machines behave as one init system",
    ".SH SYNOPSIS",
    ".B flotilla",
    "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]",
    ".SH DESCRIPTION",
    text(
      "Hand it systemd unit files: it decides which machine of the cluster runs each, keeps them running when",
    ),
    text("machines die, and can say why for every decision."),
    ".SH OPTIONS",
    ...globals.flatMap(option),
    ".SH COMMANDS",
    ...shown.flatMap((command) => entry(command, "")),
    ".SH FILES",
    ...FILES.flatMap(([file, what]) => [".TP", `.I ${text(file)}`, text(what)]),
    ".SH EXIT STATUS",
    text("0 done, 1 failed, 2 wrong usage, 3 not active, 4 not found, 5 not loaded, 7 not in time,"),
    text("8 no answer, 9 conflict, 10 not permitted."),
    ".SH SEE ALSO",
    ".BR systemd.unit (5),",
    ".BR systemctl (1),",
    ".BR journalctl (1)",
    "",
  ].join("\n");
}

const FILES = [
  ["/etc/default/flotilla", "settings of the daemon"],
  ["/var/lib/flotilla", "the machine's state"],
  ["/run/flotilla/flotilla.sock", "where the daemon answers commands"],
] as const;

function entry(command: Command, parent: string): readonly string[] {
  const name = `${parent}${command.name}`;
  const own = [
    ".SS",
    `\\fB${text(name)}\\fR ${text(command.arguments ?? "")}`.trim(),
    text(`${command.summary}.`),
    ...(command.options ?? []).flatMap(option),
  ];
  return [
    ...(command.load === undefined ? [] : own),
    ...(command.commands ?? []).flatMap((inner) => entry(inner, `${name} `)),
  ];
}

function option({ flags, summary }: OptionSpec): readonly string[] {
  return [".TP", `.B ${text(flags)}`, text(summary)];
}

/** A line that begins with a dot or an apostrophe would be a request. */
function text(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
