/** `flotilla store restore`: works on the directory of a daemon that is stopped, so that no cluster is asked. */
import { resolve } from "node:path";
import { restoreDirectory } from "#daemon/restore.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { CommandContext } from "./command.ts";
import { writeLines } from "./terminal/output.ts";

const DEFAULT_DIRECTORY = "/var/lib/flotilla";

export async function restore({ args, options, io }: CommandContext): Promise<number> {
  const [file = ""] = args;
  const directory = resolve(io.cwd, options.text("dir") ?? (io.env.FLOTILLA_DIR || DEFAULT_DIRECTORY));
  const { keys, revision, aside } = await restoreDirectory({
    file: resolve(io.cwd, file),
    directory,
    force: options.flag("force"),
    clock: systemClock,
    random: systemRandom,
  });
  writeLines(io.stderr, [
    `${directory}: ${keys} keys at revision ${revision}`,
    ...aside.map((path) => `what was there is in ${path}`),
    "Start this machine's daemon: it has the embedded store. flotilla store promote makes an etcd of it again.",
  ]);
  return 0;
}
