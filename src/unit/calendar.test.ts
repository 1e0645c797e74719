import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCalendar, nextElapse, parseCalendar } from "./calendar.ts";

/** The normalized form, or undefined when the text is refused. */
function normalized(text: string): string | undefined {
  const spec = parseCalendar(text);
  return spec === undefined ? undefined : formatCalendar(spec);
}

/** The next moments after `after` as ISO times without milliseconds. */
function elapses(text: string, after: string, zone: string, count: number): readonly string[] {
  const spec = parseCalendar(text);
  const found: string[] = [];
  let atMs: number | undefined = Date.parse(after);
  while (spec !== undefined && found.length < count) {
    atMs = nextElapse(spec, atMs, zone);
    if (atMs === undefined) break;
    found.push(new Date(atMs).toISOString().replace(".000Z", "Z"));
  }
  return found;
}

describe("parsing, checked against systemd-analyze 252", () => {
  test.each([
    ["minutely", "*-*-* *:*:00"],
    ["hourly", "*-*-* *:00:00"],
    ["daily", "*-*-* 00:00:00"],
    ["weekly", "Mon *-*-* 00:00:00"],
    ["monthly", "*-*-01 00:00:00"],
    ["quarterly", "*-01,04,07,10-01 00:00:00"],
    ["semiannually", "*-01,07-01 00:00:00"],
    ["yearly", "*-01-01 00:00:00"],
    ["weekly UTC", "Mon *-*-* 00:00:00 UTC"],
    ["Mon..Fri *:0/15", "Mon..Fri *-*-* *:00/15:00"],
    ["Mon-Fri 8:00", "Mon..Fri *-*-* 08:00:00"],
    ["Mon,Tue 1:00", "Mon,Tue *-*-* 01:00:00"],
    ["Mon..Wed,Fri..Sun 0:0", "Mon..Wed,Fri..Sun *-*-* 00:00:00"],
    ["Mon,Tue,Wed,Thu,Fri,Sat,Sun 1:00", "*-*-* 01:00:00"],
    ["Sat,Sun", "Sat,Sun *-*-* 00:00:00"],
    ["monday 8:00", "Mon *-*-* 08:00:00"],
    ["Thu,Fri 2012-*-1,5 11:12:13", "Thu,Fri 2012-*-01,05 11:12:13"],
    ["1-1", "*-01-01 00:00:00"],
    ["99-1-1", "1999-01-01 00:00:00"],
    ["20-1-1", "2020-01-01 00:00:00"],
    ["*-*~1 00:00", "*-*~01 00:00:00"],
    ["*-1..12/3-1", "*-01..10/3-01 00:00:00"],
    ["*:0..2/5", "*-*-* *:00:00"],
    ["*:*:0..59/15", "*-*-* *:*:00..45/15"],
    ["*:*:30.5", "*-*-* *:*:30.500000"],
    ["*-*-* 10..12:00,30", "*-*-* 10..12:00,30:00"],
    ["09:00 America/New_York", "*-*-* 09:00:00 America/New_York"],
    ["12:30", "*-*-* 12:30:00"],
    ["*-*-* 5:0/20:15 UTC", "*-*-* 05:00/20:15 UTC"],
  ])("%s is %s", (text, form) => {
    expect(normalized(text)).toBe(form);
  });

  test.each([
    "",
    "foo",
    "5",
    "*:30 x",
    "10:20:30:40",
    "*-13-1",
    "*-*-32",
    "25:00",
    "12:60",
    "24:00",
    "Mon..",
    "..Fri",
    "Sat..Mon 03:00",
    "*-*-5..1",
    "*/1:0",
    "*:0/61",
    "*:0/0",
    "*-*~29",
    "09:00 Mars/Olympus",
    "UTC",
  ])("%j is refused", (text) => {
    expect(normalized(text)).toBeUndefined();
  });
});

describe("the next time, checked against systemd-analyze 252", () => {
  const NOW = "2026-11-23T03:37:22Z";

  test.each([
    ["Mon..Fri *:0/15", ["2026-11-23T03:45:00Z", "2026-11-23T04:00:00Z"]],
    ["daily", ["2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"]],
    ["*-*~1", ["2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"]],
    ["*-02~03", ["2027-02-26T00:00:00Z", "2028-02-27T00:00:00Z"]],
    ["Mon *-*-1..7", ["2026-12-07T00:00:00Z", "2027-01-04T00:00:00Z"]],
    ["*-*~7/1", ["2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"]],
    ["*-2-29", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
    ["Fri *-*-13", ["2027-08-13T00:00:00Z", "2028-10-13T00:00:00Z"]],
    ["*-*-31 12:00", ["2026-12-31T12:00:00Z", "2027-01-31T12:00:00Z"]],
    ["*:*:0/20", ["2026-11-23T03:37:40Z", "2026-11-23T03:38:00Z"]],
    ["2027-01-01 05:00", ["2027-01-01T05:00:00Z"]],
    ["2012-01-01", []],
    ["2-30", []],
  ])("%s", (text, times) => {
    expect(elapses(text, NOW, "UTC", 2)).toEqual(times);
  });

  test("the moment itself is past", () => {
    expect(elapses("12:00", "2026-01-01T12:00:00Z", "UTC", 1)).toEqual(["2026-01-02T12:00:00Z"]);
    expect(elapses("12:00", "2026-01-01T11:59:59.999Z", "UTC", 1)).toEqual(["2026-01-01T12:00:00Z"]);
  });

  test("times are the machine's zone's unless the event names one", () => {
    expect(elapses("09:00", "2026-07-01T00:00:00Z", "Europe/Berlin", 1)).toEqual(["2026-07-01T07:00:00Z"]);
    expect(elapses("09:00", "2026-01-10T00:00:00Z", "Europe/Berlin", 1)).toEqual(["2026-01-10T08:00:00Z"]);
    expect(elapses("09:00 UTC", "2026-07-01T00:00:00Z", "Europe/Berlin", 1)).toEqual([
      "2026-07-01T09:00:00Z",
    ]);
    expect(elapses("09:00 Asia/Kolkata", "2026-07-01T00:00:00Z", "UTC", 1)).toEqual(["2026-07-01T03:30:00Z"]);
  });

  test("a time that a clock change leaves out is passed over", () => {
    expect(elapses("02:30", "2026-03-28T12:00:00Z", "Europe/Berlin", 1)).toEqual(["2026-03-30T00:30:00Z"]);
    expect(elapses("2026-03-29 02:30", "2026-03-28T12:00:00Z", "Europe/Berlin", 1)).toEqual([]);
  });

  test("a time that comes twice counts the first time", () => {
    expect(elapses("02:30", "2026-10-24T12:00:00Z", "Europe/Berlin", 2)).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-26T01:30:00Z",
    ]);
    expect(elapses("*:0/30", "2026-10-25T00:00:00Z", "Europe/Berlin", 2)).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-25T02:00:00Z",
    ]);
  });
});

describe("for any calendar event", () => {
  const field = (min: number, max: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min, max }).map(String),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map(([a, b]) => `${Math.min(a, b)}..${Math.max(a, b)}`),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: 5 }))
        .map(([a, step]) => `${min}..${a}/${step}`),
    );
  const days = fc.constantFrom("", "Mon ", "Mon..Fri ", "Sat,Sun ", "Tue,Thu..Sat ");
  const text = fc
    .tuple(
      days,
      field(1, 12),
      fc.constantFrom("-", "~"),
      field(1, 28),
      field(0, 23),
      field(0, 59),
      field(0, 59),
    )
    .map(
      ([day, month, separator, date, hour, minute, second]) =>
        `${day}*-${month}${separator}${date} ${hour}:${minute}:${second}`,
    )
    // A range of a single second is none.
    .filter((event) => !/:(\d+)\.\.\1$/.test(event));
  const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham");
  const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });

  test("the normalized form is read back as itself", () => {
    fc.assert(
      fc.property(text, (event) => {
        const form = normalized(event);
        expect(form).toBeDefined();
        expect(normalized(form ?? "")).toBe(form);
      }),
    );
  });

  test("the next time is later, and nothing lies between: asking from just before it gives it again", () => {
    fc.assert(
      fc.property(text, zone, moment, (event, where, afterMs) => {
        const spec = parseCalendar(event);
        const next = spec === undefined ? undefined : nextElapse(spec, afterMs, where);
        if (spec === undefined || next === undefined) return;
        expect(next).toBeGreaterThan(afterMs);
        expect(nextElapse(spec, next - 1, where)).toBe(next);
        expect(nextElapse(spec, Math.floor((afterMs + next) / 2), where)).toBeLessThanOrEqual(next);
      }),
      { numRuns: 60 },
    );
  });

  test("in UTC the next time matches the event's own fields", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        moment,
        (hour, minute, afterMs) => {
          const spec = parseCalendar(`Tue *-*-* ${hour}:${minute}`);
          const next = new Date(
            (spec === undefined ? undefined : nextElapse(spec, afterMs, "UTC")) ?? Number.NaN,
          );
          expect([next.getUTCDay(), next.getUTCHours(), next.getUTCMinutes(), next.getUTCSeconds()]).toEqual([
            2,
            hour,
            minute,
            0,
          ]);
        },
      ),
    );
  });

  test("no text makes the parser throw", () => {
    fc.assert(
      fc.property(fc.string(), (event) => {
        const form = normalized(event);
        if (form !== undefined) expect(normalized(form)).toBe(form);
      }),
    );
  });
});

describe("the odd corners of systemd's grammar, which are kept", () => {
  test.each([
    ["Mon,", "Mon *-*-* 00:00:00"],
    ["@1830000000 Europe/Berlin", "2027-12-28 13:20:00 UTC"],
    ["*:*:0/1,5", "*-*-* *:*:*"],
    ["*:*:1..1/1", "*-*-* *:*:01"],
    ["0:0:0,0", "*-*-* 00:00:00"],
    ["*-*~12,23", "*-*~12,23 00:00:00"],
    ["1:2:3.4567895", "*-*-* 01:02:03.456790"],
    ["daily utc", "*-*-* 00:00:00 UTC"],
  ])("%s is %s", (text, form) => {
    expect(normalized(text)).toBe(form);
  });

  test.each([
    "*:*:1..1",
    "*-*~12,23,26",
    "@1.5",
    "10:00 europe/berlin",
    "Mon Tue",
    "*:*/15",
    "1:2:3.",
    "2147483648:0",
  ])("%s is refused", (text) => {
    expect(normalized(text)).toBeUndefined();
  });

  test("minutes that run over the end of a day skip what is before them in the next", () => {
    expect(elapses("*:5/47", "2027-01-01T22:53:00Z", "UTC", 4)).toEqual([
      "2027-01-01T23:05:00Z",
      "2027-01-01T23:52:00Z",
      "2027-01-02T00:52:00Z",
      "2027-01-02T01:05:00Z",
    ]);
  });

  test("an hour that comes twice has each event once", () => {
    const found = elapses("*:30", "2027-11-07T04:45:00Z", "America/New_York", 3);
    expect(found).toEqual(["2027-11-07T05:30:00Z", "2027-11-07T07:30:00Z", "2027-11-07T08:30:00Z"]);
  });

  test("the next time is always later, also within the hour that comes twice", () => {
    for (let minute = 0; minute < 180; minute += 7) {
      const after = Date.parse("2027-11-07T04:30:00Z") + minute * 60_000;
      const spec = parseCalendar("*:0/15");
      const next = spec && nextElapse(spec, after, "America/New_York");
      expect(next).toBeGreaterThan(after);
    }
  });
});
