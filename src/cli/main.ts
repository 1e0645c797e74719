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
  // A write that failed is told of first.
  setImmediate(exitAtOnce);
});

/** Node would free every object first, which is several milliseconds of each command; what is not written yet has its time. */
function exitAtOnce(): void {
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}
