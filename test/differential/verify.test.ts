/** `verifyUnit` against `systemd-analyze verify` of systemd 252: the same words about the same lines. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ourVerdicts } from "./our-verify.ts";
import { type Files, systemdVerdicts, type Verdicts } from "./systemd-verify.ts";
import { unitsOfRows } from "./values.ts";

const GOLDEN = new URL("../conformance/unit/files/", import.meta.url);

/** What only one of the two says. The order of what is said about one line, and how often, says nothing. */
function differences(files: Files): readonly string[] {
  const [theirs, ours] = [systemdVerdicts(files), ourVerdicts(files)];
  return [...files].flatMap(([name, text]) => {
    const [systemd, flotilla] = [said(theirs, name), said(ours, name)];
    const onlySystemd = [...systemd.difference(flotilla)].map((line) => `only systemd: ${line}`);
    const onlyFlotilla = [...flotilla.difference(systemd)].map((line) => `only flotilla: ${line}`);
    return [...onlySystemd, ...onlyFlotilla].map((line) => `${name}, ${line}, in ${sourceOf(text, line)}`);
  });
}

function said(verdicts: Verdicts, name: string): ReadonlySet<string> {
  return new Set(verdicts.get(name));
}

/** The line that is spoken of, to make a failure readable. */
function sourceOf(text: string, line: string): string {
  const number = /: (\d+): /.exec(line)?.[1];
  return JSON.stringify(number === undefined ? text : text.split("\n")[Number(number) - 1]);
}

test("the golden files get the verdict that their comments say from systemd, too", () => {
  const names = readdirSync(GOLDEN);
  const files = new Map(names.map((name) => [name, readFileSync(new URL(name, GOLDEN), "utf8")]));
  expect(differences(files)).toEqual([]);
});

/** The version of systemd that these tests are about. */
const VERSION = 252;

test("every key says of every value what systemd says", () => {
  expect(differences(unitsOfRows(VERSION))).toEqual([]);
});
