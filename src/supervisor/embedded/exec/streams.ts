/** Where a command's standard input, output and error lead, as its shim is told. Pure. */
import type { ExecSettings, InputSource, OutputTarget } from "#unit/exec-settings.ts";
import type { RunRequest } from "../shim/run-request.ts";

export function streamsOf(settings: ExecSettings): Pick<RunRequest, "stdin" | "stdout" | "stderr"> {
  const { standardInput, standardOutput, standardError } = settings;
  return {
    stdin: inputText(standardInput, settings.inputData),
    stdout: outputText(standardOutput),
    stderr: isSame(standardOutput, standardError) ? "inherit" : outputText(standardError),
  };
}

/** Whether anything that is written lands in the journal. */
export function writesJournal(settings: ExecSettings): boolean {
  const { stdout, stderr } = streamsOf(settings);
  return stdout === "journal" || stderr === "journal";
}

/** Both streams to one place: it is opened once, so that neither overwrites the other and lines keep their order. */
function isSame(output: OutputTarget, error: OutputTarget): boolean {
  return error.kind === "inherit" || outputText(output) === outputText(error);
}

function inputText(input: InputSource, data: Uint8Array): string {
  switch (input.kind) {
    case "data":
      return `data:${hex(data)}`;
    case "file":
      return `file:${input.path}`;
    case "fd":
      return `fd:${input.name}`;
    default:
      return input.kind;
  }
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function outputText(target: OutputTarget): string {
  switch (target.kind) {
    case "fd":
      return `fd:${target.name}`;
    case "file":
    case "append":
    case "truncate":
      return `${target.kind}:${target.path}`;
    // The kernel's log is the journal's business.
    case "kmsg":
      return "journal";
    default:
      return target.kind;
  }
}
