/** The commands of `flotilla kv`, for the table of commands. */
import type { Command, OptionSpec } from "./command.ts";

const IF_REVISION: OptionSpec = {
  flags: "--if-revision <revision>",
  summary: "only if the key is still at this revision; 0: only if it is not there",
};

export const KV_COMMAND: Command = {
  name: "kv",
  summary: "Keep the configuration of your own services in the store",
  examples: [
    "flotilla kv put web/port 8080",
    "flotilla kv list web/",
    "flotilla kv exec --prefix web/ --upcase -- /usr/bin/my-server",
  ],
  commands: [
    {
      name: "get",
      summary: "Print a key's value, its bytes and nothing else",
      arguments: "<key>",
      examples: ["flotilla kv get web/port", "flotilla kv get -o json web/port"],
      load: async () => (await import("./kv.ts")).get,
    },
    {
      name: "put",
      summary: "Write a key",
      arguments: "<key> [value]",
      options: [
        {
          flags: "--from-file <file>",
          summary: "take the value from a file; - is standard input",
          completes: "files",
        },
        IF_REVISION,
      ],
      examples: [
        "flotilla kv put web/port 8080",
        "flotilla kv put web/cert --from-file cert.pem",
        "flotilla kv put web/port 8081 --if-revision 42",
      ],
      load: async () => (await import("./kv.ts")).put,
    },
    {
      name: "del",
      summary: "Delete keys",
      arguments: "<key...>",
      options: [{ flags: "--prefix", summary: "all keys that begin so" }, IF_REVISION],
      examples: ["flotilla kv del web/port", "flotilla kv del --prefix web/"],
      load: async () => (await import("./kv.ts")).del,
    },
    {
      name: "list",
      summary: "List keys with their values",
      arguments: "[prefix]",
      options: [
        { flags: "--fields <names>", summary: "columns, by name and separated by commas" },
        { flags: "--no-legend", summary: "without the line of headings" },
      ],
      examples: ["flotilla kv list", "flotilla kv list web/ -o json", "flotilla kv list -o name"],
      load: async () => (await import("./kv.ts")).list,
    },
    {
      name: "watch",
      summary: "Follow a key, or all keys: a line for each change, with its revision",
      arguments: "[key]",
      options: [
        { flags: "--prefix", summary: "all keys that begin so" },
        {
          flags: "--after <revision>",
          summary: "begin behind this revision; unless given, with what happens now",
        },
      ],
      examples: ["flotilla kv watch web/port", "flotilla kv watch --prefix web/ --after 42 -o ndjson"],
      load: async () => (await import("./kv.ts")).watch,
    },
    {
      name: "edit",
      summary: "Change a value in $VISUAL or $EDITOR, unless somebody else changes it meanwhile",
      arguments: "<key>",
      examples: ["flotilla kv edit web/config.yaml"],
      load: async () => (await import("./kv/edit.ts")).edit,
    },
    {
      name: "exec",
      summary:
        "Run a program with keys as environment variables. When they change it gets the kill signal and is started anew with the new values; when it ends by itself, so does this command, with its exit code. While the daemon is away the program runs on",
      arguments: "<command...>",
      options: [
        { flags: "--prefix <prefix>", summary: "keys that begin so; db/host behind it becomes db_host" },
        { flags: "--upcase", summary: "names in capitals: DB_HOST" },
        { flags: "--pristine", summary: "nothing but the keys in the environment" },
        { flags: "--once", summary: "do not follow the keys: the program runs with what they are now" },
        { flags: "--kill-signal <signal>", summary: "how the program is asked to end; TERM unless given" },
        { flags: "--kill-timeout <time>", summary: "when it is ended by KILL instead; 30 s unless given" },
      ],
      examples: ["flotilla kv exec --prefix web/ --upcase -- /usr/bin/my-server --verbose"],
      load: async () => (await import("./kv/exec.ts")).exec,
    },
  ],
};
