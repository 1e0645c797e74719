/** The commands of `flotilla person`, for the table of commands. */
import type { Command } from "./command.ts";

export const PERSON_COMMAND: Command = {
  name: "person",
  summary: "Make and take back certificates by which people are let in",
  examples: ["flotilla person create alice --role operator"],
  commands: [
    {
      name: "create",
      summary: "Make a certificate, in a file that the person adds as a context",
      arguments: "<name>",
      options: [
        { flags: "--role <role>", summary: "admin, operator or viewer" },
        { flags: "--ttl <time>", summary: "how long it is good for; a year unless given" },
        { flags: "--file <file>", summary: "where to; NAME.json unless given", completes: "files" },
      ],
      examples: [
        "flotilla person create alice --role operator",
        "flotilla person create ci --role operator --ttl 90d",
      ],
      load: async () => (await import("./person.ts")).create,
    },
    {
      name: "revoke",
      summary: "Refuse every certificate of these names from now on",
      arguments: "<name...>",
      examples: ["flotilla person revoke alice"],
      load: async () => (await import("./person.ts")).revoke,
    },
  ],
};
