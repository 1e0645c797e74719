/** The commands of `flotilla dev`, for the table of commands. */
import type { Command, OptionSpec } from "./command.ts";

const DIR: OptionSpec = {
  flags: "--dir <dir>",
  summary: "directory of the cluster; unless given, flotilla/dev in $XDG_STATE_HOME or ~/.local/state",
  completes: "files",
};

export const DEV_COMMAND: Command = {
  name: "dev",
  summary: "Run a cluster of machines on this computer",
  examples: ["flotilla dev up", 'eval "$(flotilla dev env)"', "flotilla dev kill m2", "flotilla dev down"],
  commands: [
    {
      name: "up",
      summary: "Start machines, each a daemon of its own, and stay until Ctrl-C ends them",
      options: [
        DIR,
        { flags: "--machines <count>", summary: "how many, 3 unless given" },
        { flags: "--units <file>", summary: "bring up the units that this list names", completes: "files" },
        { flags: "--env <name=value,...>", summary: "variables for units that have PassEnvironment=" },
        { flags: "--no-netns", summary: "share this computer's network, also where each could have its own" },
        { flags: "--detach", summary: "return once the cluster is up" },
      ],
      examples: ["flotilla dev up", "flotilla dev up --machines 5 --detach"],
      load: async () => (await import("./dev.ts")).up,
    },
    {
      name: "down",
      summary: "End the cluster and remove what a dev host that was killed has left",
      options: [DIR],
      examples: ["flotilla dev down"],
      load: async () => (await import("./dev.ts")).down,
    },
    {
      name: "kill",
      summary: "Cut a machine's power: its daemon and all it runs are gone at once",
      arguments: "<machine>",
      options: [DIR],
      examples: ["flotilla dev kill m2"],
      load: async () => (await import("./dev.ts")).kill,
    },
    {
      name: "restart",
      summary: "Switch a machine on, after cutting its power where it is on",
      arguments: "<machine>",
      options: [DIR],
      examples: ["flotilla dev restart m2"],
      load: async () => (await import("./dev.ts")).restart,
    },
    {
      name: "env",
      summary: "Print what points flotilla and etcdctl at the cluster",
      options: [DIR],
      examples: ['eval "$(flotilla dev env)"'],
      load: async () => (await import("./dev.ts")).env,
    },
    {
      name: "status",
      summary: "List the cluster's machines and whether they are on",
      options: [DIR, { flags: "--no-legend", summary: "without the line of headings" }],
      examples: ["flotilla dev status", "flotilla dev status -o json"],
      load: async () => (await import("./dev.ts")).status,
    },
  ],
};
