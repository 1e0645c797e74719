/** Every command: the one table that the parser, the help and the shell completion are made from. */
import { SETTINGS } from "#daemon/settings.ts";
import type { Command, OptionSpec } from "./command.ts";
import { CONTEXT_COMMAND } from "./context-commands.ts";
import { DEV_COMMAND } from "./dev-commands.ts";
import { KV_COMMAND } from "./kv-commands.ts";
import { PERSON_COMMAND } from "./person-commands.ts";
import { STORE_COMMAND } from "./store-commands.ts";
import {
  INIT_COMMAND,
  JOIN_COMMAND,
  LEAVE_COMMAND,
  REMOVE_MACHINE_COMMAND,
  TOKEN_COMMAND,
} from "./trust-commands.ts";

const LIST_OPTIONS: readonly OptionSpec[] = [
  { flags: "--fields <names>", summary: "columns, by name and separated by commas" },
  { flags: "--no-legend", summary: "without the line of headings" },
  { flags: "-l, --full", summary: "IDs and hashes in full" },
];

const WAIT_OPTIONS: readonly OptionSpec[] = [
  { flags: "--no-block", summary: "do not wait until it has come about" },
  {
    flags: "--block-attempts <count>",
    summary: "fleetctl's: wait so many rounds of two seconds; 0 for ever (better: --timeout)",
  },
];

const REPLACE: OptionSpec = { flags: "--replace", summary: "replace a submitted unit that has another text" };
const MACHINE: OptionSpec = {
  flags: "--machine <machine>",
  summary: "ID, unambiguous prefix or name",
  completes: "machines",
};

/** journalctl's, with its meaning. */
const JOURNAL_OPTIONS: readonly OptionSpec[] = [
  { flags: "-u, --unit <unit...>", summary: "of this unit; the same as to name it", completes: "units" },
  { flags: "-n, --lines <count>", summary: "last so many lines, 10 unless a time is given; or all" },
  { flags: "-f, --follow", summary: "go on with new lines" },
  { flags: "-r, --reverse", summary: "newest first" },
  { flags: "-S, --since <time>", summary: 'from then on: "2026-11-23 18:17", yesterday, -1h' },
  { flags: "-U, --until <time>", summary: "up to then" },
  { flags: "-b, --boot [id]", summary: "of one boot: its ID, 0 for the present one, -1 for the one before" },
  { flags: "-p, --priority <range>", summary: "so grave or graver: err, 3; or a range: err..warning" },
  { flags: "-g, --grep <pattern>", summary: "messages that match a regular expression" },
  { flags: "--case-sensitive [bool]", summary: "as said; by itself only a pattern with capitals is" },
  { flags: "-t, --identifier <name>", summary: "lines with this syslog identifier" },
  { flags: "--invocation <id>", summary: "of one run" },
  { flags: "--after-cursor <cursor>", summary: "behind the line with this cursor" },
  { flags: "--show-cursor", summary: "show the last line's cursor at the end" },
  { flags: "-a, --all", summary: "show values that are long or cannot be printed" },
  {
    flags: "-o, --output <format>",
    summary:
      "short, short-precise, short-iso, short-full, short-unix, short-monotonic, with-unit, cat, json, json-pretty, ndjson, export or verbose",
  },
  MACHINE,
];

export const COMMANDS: readonly Command[] = [
  {
    name: "submit",
    summary: "Make units known to the cluster without starting them",
    arguments: "<unit...>",
    options: [REPLACE],
    examples: [
      "flotilla submit web@.service",
      "flotilla submit --replace web@.service",
      "flotilla submit ./units/",
    ],
    completes: "files",
    load: async () => (await import("./submit.ts")).submit,
  },
  {
    name: "load",
    summary: "Put units on a machine without starting them",
    arguments: "<unit...>",
    options: [REPLACE, ...WAIT_OPTIONS],
    examples: ["flotilla load backup.timer"],
    completes: "files",
    load: async () => (await import("./load.ts")).load,
  },
  {
    name: "start",
    summary: "Start units, from their files or as they were submitted",
    arguments: "<unit...>",
    options: [REPLACE, ...WAIT_OPTIONS],
    examples: ["flotilla start web@1 web@2", "flotilla start --no-block ./examples/web@{1..3}.service"],
    completes: "files",
    load: async () => (await import("./start.ts")).start,
  },
  {
    name: "stop",
    summary: "Stop units; they stay loaded on their machines",
    arguments: "<unit...>",
    options: WAIT_OPTIONS,
    examples: ["flotilla stop web@1"],
    completes: "units",
    load: async () => (await import("./stop.ts")).stop,
  },
  {
    name: "unload",
    summary: "Stop units and take them off their machines",
    arguments: "<unit...>",
    options: WAIT_OPTIONS,
    examples: ["flotilla unload web@1"],
    completes: "units",
    load: async () => (await import("./unload.ts")).unload,
  },
  {
    name: "destroy",
    summary: "Stop units and forget them and their files",
    arguments: "<unit...>",
    options: WAIT_OPTIONS,
    examples: ["flotilla destroy web@1"],
    completes: "unit-files",
    load: async () => (await import("./destroy.ts")).destroy,
  },
  {
    name: "restart",
    summary: "Start units anew, running or not",
    arguments: "<unit...>",
    options: WAIT_OPTIONS,
    examples: ["flotilla restart web@1"],
    completes: "units",
    load: async () => (await import("./restart.ts")).restart,
  },
  {
    name: "cat",
    summary: "Print a unit file as it was submitted",
    arguments: "<unit...>",
    examples: ["flotilla cat web@.service"],
    completes: "unit-files",
    load: async () => (await import("./cat.ts")).cat,
  },
  {
    name: "status",
    summary: "Show units with their machine, state and last lines of journal",
    arguments: "<unit...>",
    options: [{ flags: "-n, --lines <count>", summary: "lines of journal, 10 unless given" }],
    examples: ["flotilla status web@1"],
    completes: "unit-files",
    load: async () => (await import("./status.ts")).status,
  },
  {
    name: "list-units",
    summary: "List what runs where",
    options: [MACHINE, ...LIST_OPTIONS],
    examples: [
      "flotilla list-units",
      "flotilla list-units -o json",
      "flotilla list-units --fields unit,machine,hash",
    ],
    load: async () => (await import("./list-units.ts")).listUnits,
  },
  {
    name: "list-unit-files",
    summary: "List what was submitted",
    options: LIST_OPTIONS,
    examples: ["flotilla list-unit-files"],
    load: async () => (await import("./list-unit-files.ts")).listUnitFiles,
  },
  {
    name: "list-machines",
    summary: "List the machines that are present",
    options: LIST_OPTIONS,
    examples: ["flotilla list-machines", "flotilla list-machines -o wide"],
    load: async () => (await import("./list-machines.ts")).listMachines,
  },
  {
    name: "journal",
    summary: "Print what units wrote, on all machines, in one order",
    arguments: "[unit...]",
    options: JOURNAL_OPTIONS,
    hasOwnFormats: true,
    examples: [
      "flotilla journal web@1",
      "flotilla journal -f 'web@*'",
      'flotilla journal --since "-1h" -p err',
      "flotilla journal -n 100 -o json web@1",
    ],
    completes: "units",
    load: async () => (await import("./journal.ts")).journal,
  },
  {
    name: "why",
    summary: "Tell why a unit is where it is, or nowhere",
    arguments: "<unit>",
    examples: ["flotilla why web@4"],
    completes: "unit-files",
    load: async () => (await import("./why.ts")).why,
  },
  {
    name: "wait",
    summary: "Wait until units are in a state",
    arguments: "<unit...>",
    options: [
      { flags: "--for <state>", summary: "active (unless given), inactive, failed, finished or gone" },
    ],
    examples: ["flotilla wait web@1 --timeout 30", "flotilla wait --for finished import.service"],
    completes: "unit-files",
    load: async () => (await import("./wait.ts")).wait,
  },
  {
    name: "events",
    summary: "Tell what happened in the cluster",
    options: [
      { flags: "-f, --follow", summary: "go on with what happens" },
      { flags: "-n, --lines <count>", summary: "the last so many, 50 unless given" },
      { flags: "--unit <unit>", summary: "of this unit only", completes: "unit-files" },
      MACHINE,
    ],
    examples: ["flotilla events", "flotilla events -f --unit web@1"],
    load: async () => (await import("./events.ts")).events,
  },
  {
    name: "verify",
    summary: "Check unit files, folders of them or submitted units, without changing anything",
    arguments: "<unit...>",
    options: [{ flags: "--no-lint", summary: "without the notes on traps; errors and warnings only" }],
    examples: ["flotilla verify web@.service", "flotilla verify ./units/", "flotilla verify -o json web"],
    completes: "files",
    load: async () => (await import("./verify.ts")).verify,
  },
  {
    name: "machine",
    summary: "Configure or drain a machine",
    examples: ["flotilla machine drain m2", "flotilla machine metadata m2 disk=ssd"],
    commands: [
      {
        name: "cordon",
        summary: "Place no new units on machines",
        arguments: "<machine...>",
        examples: ["flotilla machine cordon m2"],
        completes: "machines",
        load: async () => (await import("./machine.ts")).cordon,
      },
      {
        name: "uncordon",
        summary: "Place units on machines again",
        arguments: "<machine...>",
        examples: ["flotilla machine uncordon m2"],
        completes: "machines",
        load: async () => (await import("./machine.ts")).uncordon,
      },
      {
        name: "drain",
        summary: "Move a machine's units to other machines, each started there before it is stopped here",
        arguments: "<machine>",
        options: [
          { flags: "--no-block", summary: "do not wait until it has come about" },
          { flags: "--deadline <time>", summary: "after so long stop what is still there" },
          { flags: "--force", summary: "stop what fits on no other machine" },
        ],
        examples: ["flotilla machine drain m2", "flotilla machine drain --deadline 10min m2"],
        completes: "machines",
        load: async () => (await import("./drain.ts")).drain,
      },
      {
        name: "undrain",
        summary: "End the drain of machines; what has moved stays where it is",
        arguments: "<machine...>",
        examples: ["flotilla machine undrain m2"],
        completes: "machines",
        load: async () => (await import("./machine.ts")).undrain,
      },
      {
        name: "metadata",
        summary: "Show or change the metadata that units are placed by",
        arguments: "<machine> [changes...]",
        examples: [
          "flotilla machine metadata m2",
          "flotilla machine metadata m2 disk=ssd region=eu",
          "flotilla machine metadata m2 disk-",
        ],
        completes: "machines",
        load: async () => (await import("./machine.ts")).metadata,
      },
      REMOVE_MACHINE_COMMAND,
    ],
  },
  INIT_COMMAND,
  JOIN_COMMAND,
  LEAVE_COMMAND,
  TOKEN_COMMAND,
  {
    name: "rebalance",
    summary: "Show which units would be better placed elsewhere, or move them",
    options: [
      { flags: "--plan", summary: "only show it; so it is unless --apply is given" },
      { flags: "--apply", summary: "move them, each started there before it is stopped here" },
      { flags: "--strict", summary: "also units that have to stop before they start elsewhere" },
      { flags: "--no-block", summary: "do not wait until it has come about" },
      ...LIST_OPTIONS,
    ],
    examples: ["flotilla rebalance --plan", "flotilla rebalance --apply"],
    load: async () => (await import("./rebalance.ts")).rebalance,
  },
  KV_COMMAND,
  STORE_COMMAND,
  {
    name: "audit",
    summary: "Tell who changed what",
    options: [
      { flags: "-n, --lines <count>", summary: "the last so many changes, 50 unless a time is given" },
      { flags: "-f, --follow", summary: "go on with each change as it is asked for" },
      { flags: "-S, --since <time>", summary: 'from then on: "2026-11-23 18:17", yesterday, -1h' },
      MACHINE,
      { flags: "--fields <names>", summary: "columns, by name and separated by commas" },
      { flags: "--no-legend", summary: "without the line of headings" },
    ],
    examples: ["flotilla audit", "flotilla audit -f", "flotilla audit --since -1h -o ndjson"],
    load: async () => (await import("./audit.ts")).audit,
  },
  CONTEXT_COMMAND,
  PERSON_COMMAND,
  DEV_COMMAND,
  {
    name: "daemon",
    summary: "Run this machine's daemon in the foreground",
    options: SETTINGS.map((setting) => ({
      flags: "value" in setting ? `--${setting.name} <${setting.value}>` : `--${setting.name}`,
      summary:
        "value" in setting && "fallback" in setting && setting.fallback !== ""
          ? `${setting.help}; ${setting.fallback} unless given`
          : setting.help,
    })),
    examples: ["flotilla daemon", "flotilla daemon --store http://10.0.0.1:7401 --address 10.0.0.2"],
    load: async () => (await import("./daemon.ts")).daemon,
  },
  {
    name: "install",
    summary: "Make this executable a service of the machine; not needed after a package",
    options: [
      {
        flags: "--supervisor <kind>",
        summary: "what will run the units: systemd (unless given) or embedded",
      },
      { flags: "--root <dir>", summary: "into the file system of an image" },
      { flags: "--uninstall", summary: "undo it; units and the machine's state stay" },
    ],
    examples: ["flotilla install", "flotilla install --uninstall"],
    load: async () => (await import("./install.ts")).install,
  },
  {
    name: "completion",
    summary: "Print the completion script of a shell: bash, zsh or fish",
    arguments: "<shell>",
    examples: ["source <(flotilla completion bash)", "flotilla completion fish | source"],
    load: async () => (await import("./completion.ts")).completion,
  },
  {
    name: "complete",
    summary: "Print what the last word may become; for completion scripts",
    arguments: "[words...]",
    hidden: true,
    load: async () => (await import("./complete.ts")).complete,
  },
  {
    name: "version",
    summary: "Print the versions of this program and of the daemon",
    options: [{ flags: "--licences", summary: "the licence texts of all that is in this executable" }],
    examples: ["flotilla version"],
    load: async () => (await import("./version.ts")).version,
  },
];
