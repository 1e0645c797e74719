/** `flotilla daemon`: the machine's daemon in the foreground, as a service manager runs it. */
import { VERSION } from "#base/version.ts";
import { runDaemon } from "#daemon/main.ts";
import { SETTINGS } from "#daemon/settings.ts";
import type { CommandContext } from "./command.ts";

export async function daemon({ options }: CommandContext): Promise<number> {
  const given = SETTINGS.flatMap(({ name }) => {
    const value = options.flag(name) ? "true" : options.text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return runDaemon(Object.fromEntries(given), VERSION);
}
