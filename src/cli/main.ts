/** The program `flotilla`: gives the process's streams to the command line and ends with its exit code. */
import { runCli } from "./cli.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
// A reader that has gone (`flotilla events -f | head`) is no error of ours; a full disk is one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`error[disk-full]: the output cannot be written\n  cause: ${error.message}\n`);
  process.exit(1);
});

// Not awaited here: in the single executable this is a CommonJS script.
void runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  now: () => Date.now(),
  signal: interrupted.signal,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
