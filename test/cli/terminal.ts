/** A terminal for tests of the command line: runs it in this process and keeps what it writes. */
import { runCli } from "#cli/cli.ts";
import type { CliIo } from "#cli/terminal/io.ts";

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerminalOptions {
  readonly endpoint?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  /** What time it is, in ms since 1970; the same for ever unless given. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
  /** Called with each piece of stdout. */
  readonly onOutput?: (text: string) => void;
}

export async function runCommand(
  line: string | readonly string[],
  options: TerminalOptions = {},
): Promise<Ran> {
  const written = { stdout: "", stderr: "" };
  const isTTY = options.isTTY ?? false;
  const io: CliIo = {
    stdout: {
      isTTY,
      write: (text) => {
        // Latin-1 keeps each byte as one character.
        const shown = typeof text === "string" ? text : Buffer.from(text).toString("latin1");
        written.stdout += shown;
        options.onOutput?.(shown);
      },
    },
    stderr: {
      isTTY,
      write: (text) => {
        written.stderr += String(text);
      },
    },
    env: {
      ...(options.endpoint === undefined ? {} : { FLOTILLA_ENDPOINT: options.endpoint }),
      ...options.env,
    },
    cwd: options.cwd ?? "/",
    now: options.now ?? (() => 1_000_000),
    signal: options.signal ?? new AbortController().signal,
  };
  const argv = typeof line === "string" ? line.split(" ").filter(Boolean) : line;
  const exit = await runCli(argv, io);
  return { exit, ...written };
}
