/** Points in time on the command line, beside systemd-analyze's reading of them. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { parseTimestamp } from "#cli/journal/timestamp.ts";

beforeAll(() => {
  process.env.TZ = "UTC";
});

/** What systemd makes of those that it takes, in seconds with their fraction. */
function systemdSeconds(texts: readonly string[]): ReadonlyMap<string, string> {
  const { stdout } = spawnSync("systemd-analyze", ["timestamp", "--", ...texts], { encoding: "utf8" });
  const answers = stdout.matchAll(/Original form: (.*)\n[^@]*UNIX seconds: @(\S+)/g);
  return new Map([...answers].map(([, text = "", seconds = ""]) => [text, seconds]));
}

function ourSeconds(text: string): string | undefined {
  const timeUs = parseTimestamp(text, Date.now());
  if (timeUs === undefined) return undefined;
  const fraction = timeUs % 1_000_000;
  return `${Math.floor(timeUs / 1_000_000)}${fraction === 0 ? "" : `.${String(fraction).padStart(6, "0")}`}`;
}

const number = (max: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat(max), fc.boolean())
    .map(([value, padded]) => (padded ? String(value).padStart(2, "0") : `${value}`));
const date = fc
  .tuple(fc.constantFrom("2012", "1999", "12", "71", "2030"), number(13), number(33))
  .map((parts) => parts.join("-"));
const fraction = fc.constantFrom("", ".5", ".25", ".123456", ".1234567", ".000001");
const time = fc
  .tuple(number(25), number(61), fc.option(number(62)), fraction)
  .map(
    ([hours, minutes, seconds, part]) => `${hours}:${minutes}${seconds === null ? "" : `:${seconds}${part}`}`,
  );
const weekday = fc.constantFrom("", "", "", "Fri ", "Thursday ", "mon ");
const zone = fc.constantFrom("", "", " UTC");
const absolute = fc.oneof(
  fc.tuple(weekday, date, fc.constantFrom(" ", "  "), time, zone).map((parts) => parts.join("")),
  fc.tuple(weekday, date, zone).map((parts) => parts.join("")),
  fc.tuple(time, zone).map((parts) => parts.join("")),
  fc.tuple(fc.nat(2_000_000_000), fraction).map(([seconds, part]) => `@${seconds}${part}`),
  fc.constantFrom(
    "today",
    "yesterday",
    "tomorrow",
    "now UTC",
    "UTC",
    "11",
    "noon",
    "-",
    "1h",
    "@",
    "infinity ago",
  ),
);

test("absolute points in time are systemd's to the microsecond", () => {
  fc.assert(
    fc.property(fc.array(absolute, { minLength: 100, maxLength: 200 }), (texts) => {
      const theirs = systemdSeconds(texts);
      const differing = texts.flatMap((text) => {
        const [ours, wanted] = [ourSeconds(text), theirs.get(text)];
        return ours === wanted ? [] : [{ text, ours, wanted }];
      });
      expect(differing).toEqual([]);
    }),
    { numRuns: 4, endOnFailure: true },
  );
});
