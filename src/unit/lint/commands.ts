/** Traps in command lines: what a shell would do and systemd does not. */
import type { Lint, LintHit } from "./lint-rule.ts";
import type { LintSubject, LocatedCommand } from "./lint-subject.ts";

const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "busybox"]);

/** What a shell takes for itself when it is a word, or how a word begins. */
const OPERATOR = /^(\|\|?|&&?|;;|\d?>>?|\d?>&\d?|<<?<?|\d?>\/.*|&>>?.*)$/;

export const COMMAND_LINTS: readonly Lint[] = [
  {
    name: "glued-variables",
    about: "`$A$B` is one variable with an odd name: it becomes nothing at all.",
    find: inWords(({ command }, word) =>
      !command.literalEnvironment && /^\$\w+\$/.test(word)
        ? {
            message: `${word} is looked up as one variable, which is never set, so the word vanishes`,
            hint: `write ${word.replaceAll(/\$(\w+)/g, (_, name: string) => `\${${name}}`)}`,
          }
        : undefined,
    ),
  },
  {
    name: "quoted-variable",
    about: 'Quotes around `"$A"` are gone before it is expanded: its value is split at blanks all the same.',
    find: ({ commands }) =>
      commands.flatMap(({ command, entry }) => {
        const quoted = /(["'])\$(\w+)\1/.exec(entry.value);
        if (quoted === null || command.literalEnvironment || command !== firstOf(commands, entry)) return [];
        // A shell sees the quotes within its script, and does what they say.
        if (isShell(command.path)) return [];
        const [part, , name] = quoted;
        const message = `the quotes around ${part} protect nothing: its value is split into words`;
        return [{ entry, part, message, hint: `write \${${name}} for one word` }];
      }),
  },
  {
    name: "inner-variable",
    about: "`$A` inside of a word stays as it is; only a name in braces is expanded there.",
    find: inWords(({ command }, word) => {
      const name = /^[^$]+\$([A-Za-z_]\w*)/.exec(word)?.[1];
      if (name === undefined || command.literalEnvironment || isShell(command.path)) return undefined;
      return { message: `$${name} within ${word} is not expanded`, hint: `write \${${name}}` };
    }),
  },
  {
    name: "variable-program",
    about: "The program itself is never a variable.",
    find: ({ commands }) =>
      commands.flatMap(({ command, entry }) => {
        if (!command.path.includes("$")) return [];
        const message = `the program ${command.path} is taken as it stands: variables are not expanded in it`;
        return [{ entry, part: command.path, message, hint: "write the path, or run it by /bin/sh -c" }];
      }),
  },
  {
    name: "shell-syntax",
    about: "Pipes, redirections and `&&` are plain arguments: there is no shell.",
    find: inWords(({ command }, word) => {
      if (isShell(command.path) || !(OPERATOR.test(word) || /^\$\(|^`/.test(word))) return undefined;
      const message = `${word} is handed to ${command.path} as an argument: there is no shell`;
      return { message, hint: "run it by /bin/sh -c '…', or write several Exec lines" };
    }),
  },
  {
    name: "shell-glob",
    about: "`*` and `~` are plain characters: there is no shell to expand them.",
    find: inWords(({ command }, word) => {
      if (isShell(command.path) || !/^(~\/|\/[^=\s]*\*)/.test(word)) return undefined;
      return {
        message: `${word} is not expanded: there is no shell`,
        hint: "name the path, or run it by /bin/sh -c '…'",
      };
    }),
  },
  {
    name: "date-specifier",
    about: "`%` letters are specifiers of systemd before a program sees them.",
    find: ({ commands }) =>
      commands.flatMap(({ command, entry }) => {
        const part = /\+["']?%[A-Za-z](?![A-Za-z0-9]*=)[^\s"']*/.exec(entry.value)?.[0];
        if (part === undefined || command !== firstOf(commands, entry)) return [];
        const message = `the % of ${part} is a specifier of systemd's, not of the program's`;
        return [{ entry, part, message, hint: `write ${part.replaceAll("%", "%%")}` }];
      }),
  },
  {
    name: "sudo",
    about: "`sudo` and `su` put a process between systemd and the service, and ask for a password.",
    find: byProgram(["sudo", "su", "runuser", "doas"], (program) => ({
      message: `${program} hides the service behind a process of another user`,
      hint: "name the user by User=; a + before one command gives it all privileges",
    })),
  },
  {
    name: "daemonize",
    about: "What puts itself in the background is lost to the supervisor.",
    find: byProgram(
      ["nohup", "setsid", "daemonize", "start-stop-daemon", "screen", "tmux"],
      (program) => ({
        message: `${program} takes the program out of the supervisor's sight`,
        hint: "run the program in the foreground: a service is in the background already",
      }),
      // start-stop-daemon can also only stop, or only look.
      ({ argv }) => !argv.some((word) => /^(--stop|--status|-K|-T)$/.test(word)),
    ),
  },
  {
    name: "background",
    about: "A shell that puts its command in the background ends, and the service with it.",
    find: ({ commands }) =>
      commands.flatMap(({ command, entry }) => {
        const script = isShell(command.path) ? (command.argv.at(-1) ?? "") : "";
        if (!/[^&>|]&\s*$/.test(script)) return [];
        const message =
          "the & at the end puts the command in the background, and the service ends with the shell";
        return [{ entry, message, hint: "leave the & out" }];
      }),
  },
  {
    name: "relative-argument",
    about: "A relative path is taken from `/` unless WorkingDirectory= says otherwise.",
    find: (subject) =>
      subject.service.last("WorkingDirectory") === undefined
        ? inWords((_, word) =>
            /^\.\.?\/./.test(word)
              ? {
                  message: `${word} is taken from the root directory, which the service runs in`,
                  hint: "write the whole path, or set WorkingDirectory=",
                }
              : undefined,
          )(subject)
        : [],
  },
];

type Found = Pick<LintHit, "message" | "hint">;

/** A lint over the arguments of every command. */
function inWords(look: (line: LocatedCommand, word: string) => Found | undefined): Lint["find"] {
  return ({ commands }: LintSubject) =>
    commands.flatMap((line) =>
      line.command.argv.slice(1).flatMap((word) => {
        const found = look(line, word);
        return found === undefined ? [] : [{ entry: line.entry, part: word, ...found }];
      }),
    );
}

function byProgram(
  programs: readonly string[],
  say: (program: string) => Found,
  applies: (command: LocatedCommand["command"]) => boolean = () => true,
): Lint["find"] {
  return ({ commands }) =>
    commands.flatMap(({ command, entry }) => {
      const program = baseName(command.path);
      return programs.includes(program) && applies(command)
        ? [{ entry, part: command.path, ...say(program) }]
        : [];
    });
}

/** The first command of a line: what is said of the line as a whole is said once. */
function firstOf(commands: readonly LocatedCommand[], entry: LocatedCommand["entry"]) {
  return commands.find((one) => one.entry === entry)?.command;
}

function isShell(path: string): boolean {
  return SHELLS.has(baseName(path));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
