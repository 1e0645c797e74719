/** Where `verifyUnit` and `systemd-analyze verify` do not say the same. */
import { ourVerdicts } from "./our-verify.ts";
import { type Files, systemdVerdicts, type Verdicts } from "./systemd-verify.ts";

/** What only one of the two says. The order of what is said about one line, and how often, says nothing. */
export function differences(files: Files): readonly string[] {
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
