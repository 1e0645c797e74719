/** `flotilla install`: makes this executable a service of the machine, or undoes it. */
import { FlotillaError } from "#base/errors.ts";
import { executablePath } from "#host/program-files.ts";
import { type InstallOptions, install as putFiles, uninstall } from "#install/install.ts";
import { type ServiceSupervisor, serviceFile } from "#install/service.ts";
import type { CommandContext } from "./command.ts";
import { COMPLETIONS } from "./completion.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

/** Where each shell looks for what is not of a package. */
const COMPLETION_FILES: ReadonlyMap<string, string> = new Map([
  ["bash", "/usr/local/share/bash-completion/completions/flotilla"],
  ["zsh", "/usr/local/share/zsh/site-functions/_flotilla"],
  ["fish", "/usr/local/share/fish/vendor_completions.d/flotilla.fish"],
]);

export async function install({ options, io, format }: CommandContext): Promise<number> {
  const supervisor = readSupervisor(options.text("supervisor") ?? "systemd");
  const wanted: InstallOptions = {
    service: serviceFile({
      program: lastingPath(executablePath() ?? io.env.FLOTILLA_LAUNCHER),
      supervisor,
      origin: "Written by flotilla install; flotilla install --uninstall removes it.",
    }),
    completions: [...COMPLETION_FILES].map(([shell, path]) => ({ path, text: COMPLETIONS.get(shell) ?? "" })),
    isSpecial: supervisor !== "systemd",
    root: options.text("root") ?? "/",
  };
  const done = await (options.flag("uninstall") ? uninstall(wanted) : putFiles(wanted));
  if (isData(format)) await showData(io.stdout, { done }, format);
  else writeLines(io.stderr, done);
  return 0;
}

function readSupervisor(text: string): ServiceSupervisor {
  if (text === "systemd" || text === "embedded") return text;
  throw new FlotillaError("usage", `--supervisor takes systemd or embedded, not ${text}`);
}

/** The service runs the file where it is now, so it has to stay there. */
function lastingPath(path: string | undefined): string {
  if (path !== undefined && !/^\/(?:tmp|var\/tmp|run|dev|proc)\//.test(path)) return path;
  throw new FlotillaError("unsupported", `${path ?? "this program"} is no place for a service's program`, {
    hint: "copy it first: install -m 755 flotilla /usr/local/bin/, then: /usr/local/bin/flotilla install",
  });
}
