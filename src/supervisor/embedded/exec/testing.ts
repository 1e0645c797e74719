/** The settings of lines in [Service], for tests of what is made of them. */
import type { ExecSettings } from "#unit/exec-settings.ts";
import { readExec } from "#unit/read-exec.ts";
import { SectionReader } from "#unit/section-reader.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";

export function execSettings(...lines: readonly string[]): ExecSettings {
  const context = specifierContext("web.service");
  const file = parseUnitFile(`[Service]\n${lines.join("\n")}\n`);
  return readExec(new SectionReader(file, "Service", context), context);
}
