/** The commands by which machines come into a cluster and leave it, for the table of commands. */
import type { Command, OptionSpec } from "./command.ts";

const DIR: OptionSpec = {
  flags: "--dir <dir>",
  summary: "the daemon's state directory; /var/lib/flotilla unless given",
  completes: "files",
};
const MACHINE_NAME: OptionSpec = {
  flags: "--machine-name <name>",
  summary: "what the machine is called; its host name unless given",
};
const NO_START: OptionSpec = { flags: "--no-start", summary: "leave flotilla.service as it is" };

export const INIT_COMMAND: Command = {
  name: "init",
  summary: "Make a new cluster, of which this machine is the first",
  options: [
    { flags: "--name <cluster>", summary: "what the cluster is called; flotilla unless given" },
    {
      flags: "--address <ip>",
      summary: "address that other machines reach this one by; that of its network card unless given",
    },
    MACHINE_NAME,
    DIR,
    NO_START,
  ],
  examples: ["flotilla init", "flotilla init --name production --address 10.0.0.1"],
  load: async () => (await import("./init.ts")).init,
};

export const JOIN_COMMAND: Command = {
  name: "join",
  summary: "Bring this machine into a cluster",
  arguments: "<address>",
  options: [
    { flags: "--token <token>", summary: "what flotilla token create has printed" },
    { flags: "--token-file <file>", summary: "a file with it; - is standard input", completes: "files" },
    {
      flags: "--address <ip>",
      summary:
        "address that other machines reach this one by; that by which it reaches the cluster unless given",
    },
    MACHINE_NAME,
    DIR,
    NO_START,
  ],
  examples: ["flotilla join 10.0.0.1 --token flo_…", "flotilla join 10.0.0.1 --token-file /run/token"],
  load: async () => (await import("./join.ts")).join,
};

export const LEAVE_COMMAND: Command = {
  name: "leave",
  summary: "Take this machine out of its cluster: its units move, its certificate is given up",
  options: [
    { flags: "--now", summary: "stop its units without waiting for other machines to have them" },
    { flags: "--force", summary: "without telling the cluster; the daemon must be stopped" },
    DIR,
  ],
  examples: ["flotilla leave", "flotilla leave --now"],
  load: async () => (await import("./leave.ts")).leave,
};

export const TOKEN_COMMAND: Command = {
  name: "token",
  summary: "Make and take back what machines join with and people are let in by",
  examples: ["flotilla token create"],
  commands: [
    {
      name: "create",
      summary: "Make a token and print it, this once",
      options: [
        { flags: "--role <role>", summary: "machine (unless given), admin, operator or viewer" },
        {
          flags: "--ttl <time>",
          summary: "how long it is good for; 1h for a machine, 30d for a person unless given",
        },
        { flags: "--uses <count>", summary: "how many machines may join with it; 1 unless given" },
        { flags: "--name <text>", summary: "whom or what it is for" },
      ],
      examples: ["flotilla token create", "flotilla token create --role viewer --ttl 8h --name dashboard"],
      load: async () => (await import("./token.ts")).create,
    },
    {
      name: "list",
      summary: "List tokens, without what is secret",
      options: [
        { flags: "--fields <names>", summary: "columns, by name and separated by commas" },
        { flags: "--no-legend", summary: "without the line of headings" },
      ],
      examples: ["flotilla token list", "flotilla token list -o json"],
      load: async () => (await import("./token.ts")).list,
    },
    {
      name: "revoke",
      summary: "Take tokens back, by their IDs",
      arguments: "<id...>",
      examples: ["flotilla token revoke 8fk2m0qz"],
      load: async () => (await import("./token.ts")).revoke,
    },
  ],
};

export const REMOVE_MACHINE_COMMAND: Command = {
  name: "remove",
  summary: "Take machines that are gone out of the cluster, and refuse their certificates",
  arguments: "<machine...>",
  options: [{ flags: "--force", summary: "even if the machine is present; its units run on there" }],
  examples: ["flotilla machine remove m3"],
  completes: "machines",
  load: async () => (await import("./machine-remove.ts")).remove,
};
