/** The commands of `flotilla store`, for the table of commands. */
import type { Command } from "./command.ts";

export const STORE_COMMAND: Command = {
  name: "store",
  summary: "Look after the store that holds the cluster's state",
  examples: ["flotilla store status"],
  commands: [
    {
      name: "status",
      summary: "Show what the store is, its members, and what is wrong and what to type about it",
      examples: ["flotilla store status", "flotilla store status -o json"],
      load: async () => (await import("./store-status.ts")).status,
    },
    {
      name: "promote",
      summary: "Make a member of etcd of the embedded store, on its machine, while everything runs on",
      examples: ["flotilla store promote"],
      load: async () => (await import("./store-change.ts")).promote,
    },
    {
      name: "add",
      summary: "Give the store's etcd a member on another machine; three or five in all are best",
      arguments: "<machine>",
      examples: ["flotilla store add m2"],
      completes: "machines",
      load: async () => (await import("./store-change.ts")).add,
    },
    {
      name: "remove",
      summary: "Take a member away, unless the others could decide nothing without it",
      arguments: "<machine>",
      examples: ["flotilla store remove m2"],
      completes: "machines",
      load: async () => (await import("./store-change.ts")).remove,
    },
    {
      name: "replace",
      summary: "Have another machine take the place of a member, dead or alive",
      arguments: "<old> <new>",
      examples: ["flotilla store replace m2 m4"],
      completes: "machines",
      load: async () => (await import("./store-change.ts")).replace,
    },
  ],
};
