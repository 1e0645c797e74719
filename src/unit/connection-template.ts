/** The template that a socket unit with Accept=yes makes the services of its connections from. */
import { parseUnitName } from "./name.ts";
import { parseUnitFile } from "./unit-file.ts";
import { parseBoolean } from "./values.ts";

/** `echo@.service` for `echo.socket` and for `echo@1.socket`; undefined for every other unit (systemd.socket(5), Accept=). */
export function connectionTemplate(unit: string, text: string): string | undefined {
  if (!unit.endsWith(".socket")) return undefined;
  const isAccepting = parseBoolean(parseUnitFile(text).last("Socket", "Accept") ?? "") === true;
  return isAccepting ? `${parseUnitName(unit).prefix}@.service` : undefined;
}
