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
      name: "use",
      summary: "Move the cluster's state to an etcd that you run yourself, while everything runs on",
      arguments: "<kind>",
      options: [
        {
          flags: "--endpoints <urls>",
          summary: "http://HOST:PORT or https://HOST:PORT of each member, with commas",
        },
        {
          flags: "--cacert <file>",
          summary: "who may have signed the etcd's certificates",
          completes: "files",
        },
        {
          flags: "--cert <file>",
          summary: "the machines' certificate; the files are the same on each",
          completes: "files",
        },
        { flags: "--key <file>", summary: "the key of that certificate", completes: "files" },
        { flags: "--user <name>", summary: "a user of that etcd" },
        {
          flags: "--password-file <file>",
          summary: "the user's password; - is standard input",
          completes: "files",
        },
      ],
      examples: ["flotilla store use etcd --endpoints http://10.0.0.5:2379,http://10.0.0.6:2379"],
      load: async () => (await import("./store-change.ts")).use,
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
    {
      name: "defrag",
      summary:
        "Free the space of what was deleted, on each member in turn, and clear the alarm over a used up quota",
      examples: ["flotilla store defrag"],
      load: async () => (await import("./store-change.ts")).defrag,
    },
    {
      name: "backup",
      summary: "Save all of the store to a file, as etcd's own tools do",
      arguments: "<file>",
      options: [{ flags: "--force", summary: "replace the file" }],
      examples: ["flotilla store backup today.db"],
      completes: "files",
      load: async () => (await import("./store-backup.ts")).backup,
    },
    {
      name: "restore",
      summary:
        "Make a backup the embedded store of this machine, whose daemon must be stopped; what was there is set aside",
      arguments: "<file>",
      options: [
        {
          flags: "--dir <dir>",
          summary: "state directory of the daemon; /var/lib/flotilla unless given",
          completes: "files",
        },
        { flags: "--force", summary: "also where there is a store already" },
      ],
      examples: [
        "flotilla store restore today.db",
        "flotilla store restore today.db --dir /srv/flotilla --force",
      ],
      completes: "files",
      load: async () => (await import("./store-restore.ts")).restore,
    },
  ],
};
