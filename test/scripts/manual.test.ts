/** The manual page that the package brings. */
import { expect, test } from "vitest";
import { COMMANDS } from "#cli/commands.ts";
import { GLOBAL_OPTIONS } from "#cli/program.ts";
import { manualPage } from "../../scripts/package/manual.ts";

const page = manualPage(COMMANDS, GLOBAL_OPTIONS, "1.2.3");

/** What a reader sees of roff: escapes undone. */
const shown = page.replaceAll("\\-", "-").replaceAll(/\\f[BRI]/g, "");

test("every command that the help has is in it, those within others by their whole names", () => {
  for (const { name, hidden, commands = [], load } of COMMANDS) {
    if (load !== undefined)
      expect(shown.includes(`\n${name} `) || shown.includes(`\n${name}\n`)).toBe(hidden !== true);
    for (const inner of commands) expect(shown).toContain(`\n${name} ${inner.name}`);
  }
});

test("every option of the daemon is in it, with what it does", () => {
  expect(shown).toContain("--api-port <PORT>");
  for (const { flags } of GLOBAL_OPTIONS) expect(shown).toContain(flags);
});

test("it begins with its title and the version", () => {
  expect(page.split("\n")[0]).toBe('.TH FLOTILLA 1 "" "flotilla 1.2.3" "User Commands"');
});

test("nothing that is text is taken for a request", () => {
  const strange = { name: "x", summary: ".hidden 'quoted' back\\slash", load: async () => async () => 0 };
  expect(manualPage([strange], [], "1")).toContain("\n\\&.hidden 'quoted' back\\eslash.\n");
  const requests = page.split("\n").filter((line) => /^[.']/.test(line));
  expect(requests.filter((line) => !/^\.(?:TH|SH|SS|TP|B|I|BR)(?: |$)/.test(line))).toEqual([]);
});
