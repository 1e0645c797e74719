/** The commands of `flotilla context`, for the table of commands. */
import type { Command } from "./command.ts";

export const CONTEXT_COMMAND: Command = {
  name: "context",
  summary: "Choose the cluster that commands are for, and how you are known there",
  examples: [
    "flotilla context add prod 10.0.0.1 --token-file token",
    "flotilla context list",
    "flotilla context use prod",
  ],
  commands: [
    {
      name: "list",
      summary: "List the clusters that are known here",
      options: [
        { flags: "--fields <names>", summary: "columns, by name and separated by commas" },
        { flags: "--no-legend", summary: "without the line of headings" },
      ],
      examples: ["flotilla context list"],
      load: async () => (await import("./context.ts")).list,
    },
    {
      name: "use",
      summary: "Let commands be for another cluster from now on; - is the local daemon",
      arguments: "<name>",
      examples: ["flotilla context use prod", "flotilla context use -"],
      load: async () => (await import("./context.ts")).use,
    },
    {
      name: "add",
      summary:
        "Add a cluster by the address of a machine, whose authority the token's fingerprint proves; or from the file that flotilla person create has made",
      arguments: "<name> [addresses...]",
      options: [
        {
          flags: "--token <token>",
          summary: "what an admin has given you (flotilla token create --role operator)",
        },
        { flags: "--file <file>", summary: "what flotilla person create has made", completes: "files" },
        { flags: "--replace", summary: "in the place of a context of that name" },
        { flags: "--no-use", summary: "leave the current context as it is" },
      ],
      examples: [
        "flotilla context add prod 10.0.0.1 --token-file token",
        "flotilla context add prod 10.0.0.1 10.0.0.2:7400 --token flo_…",
        "flotilla context add prod --file alice.json",
        "flotilla context add dev http://127.0.0.1:7400",
      ],
      load: async () => (await import("./context.ts")).add,
    },
    {
      name: "remove",
      summary: "Forget a cluster, with what proves you there",
      arguments: "<name>",
      examples: ["flotilla context remove prod"],
      load: async () => (await import("./context.ts")).remove,
    },
  ],
};
