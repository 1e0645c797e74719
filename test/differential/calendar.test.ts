/** Calendar events against `systemd-analyze calendar` of systemd 252: verdict, normalized form and times. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { formatCalendar, nextElapse, parseCalendar } from "#unit/calendar.ts";
import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import { type CalendarAnswer, systemdCalendar } from "./systemd-calendar.ts";

const ITERATIONS = 5;

function flotillaCalendar(expression: string, baseSeconds: number, zone: string): CalendarAnswer {
  const spec = parseCalendar(expression);
  if (spec === undefined) return { normalized: undefined, elapses: [] };
  const elapses: number[] = [];
  let atMs: number | undefined = baseSeconds * 1000;
  while (elapses.length < ITERATIONS) {
    atMs = nextElapse(spec, atMs, zone);
    if (atMs === undefined) break;
    elapses.push(Math.floor(atMs / 1000));
  }
  return { normalized: formatCalendar(spec), elapses };
}

/** Expressions on which the two disagree, with both answers. */
function differences(expressions: readonly string[], baseSeconds: number, zone = "UTC"): readonly unknown[] {
  const theirs = systemdCalendar(expressions, baseSeconds, zone);
  return expressions.flatMap((expression, index) => {
    const flotilla = flotillaCalendar(expression, baseSeconds, zone);
    const systemd = theirs[index];
    if (systemd === KNOWN_DIFFERENCES.deadlock.systemd) return [];
    return JSON.stringify(flotilla) === JSON.stringify(systemd) ? [] : [{ expression, flotilla, systemd }];
  });
}

/** Wednesday noon, before a leap day; not near a change of clocks. */
const BASE = Date.parse("2027-12-29T12:34:56Z") / 1000;

/** The inputs of systemd.time(7) and what lies beside them. */
const VECTORS = z
  .array(z.string())
  .parse(JSON.parse(readFileSync(new URL("calendar-expressions.json", import.meta.url), "utf8")));

const number = (max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.nat(max).map(String) },
    { weight: 2, arbitrary: fc.nat(max).map((value) => String(value).padStart(2, "0")) },
    { weight: 1, arbitrary: fc.constantFrom(String(max + 1), "0", "", "007", "2147483648") },
  );

const part = (max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: number(max) },
    { weight: 2, arbitrary: fc.tuple(number(max), number(max)).map(([a, b]) => `${a}..${b}`) },
    { weight: 2, arbitrary: fc.tuple(number(max), number(max)).map(([a, b]) => `${a}/${b}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(number(max), number(max), number(9)).map(([a, b, c]) => `${a}..${b}/${c}`),
    },
  );

const field = (max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("*") },
    { weight: 4, arbitrary: part(max) },
    { weight: 1, arbitrary: fc.array(part(max), { minLength: 1, maxLength: 4 }).map((all) => all.join(",")) },
  );

const year = fc.oneof(
  field(99),
  fc.constantFrom("2028", "2026..2030", "2000/4", "2027,2029", "2199", "1970"),
);
const fraction = fc.constantFrom("", "", "", ".5", ".25", ".000001", ".1234565", ".");
const seconds = fc.tuple(field(59), fraction).map(([whole, rest]) => whole + rest);

const dayName = fc.constantFrom("Mon", "tue", "Wednesday", "THU", "friday", "Sat", "Sun", "Sunda");
const days = fc
  .array(
    fc.oneof(
      dayName,
      fc.tuple(dayName, fc.constantFrom("..", "-"), dayName).map((all) => all.join("")),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((all) => all.join(","));

const separator = fc.constantFrom("-", "-", "-", "-", "~");
const date = fc.oneof(
  fc.tuple(year, fc.constant("-"), field(12), separator, field(31)).map((all) => all.join("")),
  fc.tuple(field(12), separator, field(28)).map((all) => all.join("")),
);
const time = fc.oneof(
  fc.tuple(field(23), field(59)).map((all) => all.join(":")),
  fc.tuple(field(23), field(59), seconds).map((all) => all.join(":")),
);
const zone = fc.constantFrom(
  "UTC",
  "utc",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Mars/Base",
  "cet",
);

const maybe = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.option(text, { nil: "" });

const expression = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .tuple(maybe(days), maybe(date), maybe(time), maybe(zone))
      .map((all) => all.filter((word) => word !== "").join(" ")),
  },
  { weight: 1, arbitrary: fc.constantFrom("@1830000000", "Mon @1830000000", "@1830000000 UTC", "@", "@x") },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("daily", "Weekly", "quarterly", "anually", "bi-annually", "never"), zone)
      .map((all) => all.join(" ")),
  },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(..."0159*/.,:-~ @Mon"), maxLength: 12 }) },
);

/** Half an hour before and after clocks are put on or back. */
const CHANGES: readonly (readonly [zone: string, times: readonly string[]])[] = [
  [
    "Europe/Berlin",
    ["2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"],
  ],
  ["America/New_York", ["2027-03-14T06:30:00Z", "2027-11-07T05:30:00Z", "2027-11-07T06:30:00Z"]],
  ["America/Sao_Paulo", ["2018-11-04T02:30:00Z", "2018-02-18T01:30:00Z"]],
  ["Australia/Lord_Howe", ["2027-10-02T15:15:00Z", "2027-04-03T14:45:00Z"]],
  ["Asia/Kolkata", ["2027-03-28T01:30:00Z"]],
];

/** What tells how clocks that are changed are taken. */
const CLOCK_EXPRESSIONS = [
  "daily",
  "hourly",
  "minutely",
  "*:0/15",
  "*-*-* 02:30",
  "01:30",
  "02:00",
  "03:00",
  "00:30",
  "*-*-* 1..3:0/20",
  "Sun *-*-* 02:30",
  "*-03,10,11-* 02:30:15",
  "*:45:30.5",
  "23:59:59",
  "*-*~1 02:30",
  "weekly",
  "monthly",
];

describe("the same answers as systemd's", () => {
  test.each(CHANGES)("where the clocks of %s are changed", (name, times) => {
    for (const time of times) {
      const base = Date.parse(time) / 1000;
      expect(
        differences(
          CLOCK_EXPRESSIONS.map((text) => `${text} ${name}`),
          base,
        ),
      ).toEqual([]);
      expect(differences(CLOCK_EXPRESSIONS, base, name)).toEqual([]);
    }
  });

  test("to expressions at the edges of the grammar", () => {
    expect(differences(VECTORS, BASE)).toEqual([]);
  });

  test("to generated expressions", () => {
    const generated = fc.sample(expression, { numRuns: 2000, seed: 252 }).filter((text) => text !== "");
    expect(differences(generated, BASE)).toEqual([]);
  });
});
