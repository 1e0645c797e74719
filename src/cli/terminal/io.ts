/** What a command may touch of the world outside: given by the process, or by a test. */
export interface TextSink {
  /** Bytes are for what may be no text. */
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface CliIo {
  /** Data. */
  readonly stdout: TextSink;
  /** Talk: progress, warnings, errors. */
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Wall-clock milliseconds, for ages of things. */
  readonly now: () => number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
