import { beforeAll, expect, test } from "vitest";
import { parseTimestamp } from "./timestamp.ts";

beforeAll(() => {
  process.env.TZ = "UTC";
});

const NOW = Date.UTC(2026, 10, 23, 12, 30);
const at = (...parts: readonly [number, number, number, number?, number?, number?]): number =>
  Date.UTC(
    parts[0],
    parts[1] - 1,
    ...([parts[2], parts[3], parts[4], parts[5]].map((part) => part ?? 0) as [
      number,
      number,
      number,
      number,
    ]),
  ) * 1000;

test.each([
  ["2012-11-23 11:12:13", at(2012, 11, 23, 11, 12, 13)],
  ["2012-11-23 11:12:13.25", at(2012, 11, 23, 11, 12, 13) + 250_000],
  ["2012-11-23T11:12:13Z", at(2012, 11, 23, 11, 12, 13)],
  ["Fri 2012-11-23 11:12:13 UTC", at(2012, 11, 23, 11, 12, 13)],
  ["12-11-23", at(2012, 11, 23)],
  ["70-1-1", 0],
  ["2012-11-23", at(2012, 11, 23)],
  ["2012-02-30", at(2012, 3, 1)],
  ["friday 2012-11-23 11:12:60.1234567", at(2012, 11, 23, 11, 13) + 123_457],
  ["2012-11-23 11:12", at(2012, 11, 23, 11, 12)],
  ["11:12:13", at(2026, 11, 23, 11, 12, 13)],
  ["11:12", at(2026, 11, 23, 11, 12)],
  ["now", NOW * 1000],
  ["today", at(2026, 11, 23)],
  ["yesterday", at(2026, 11, 22)],
  ["tomorrow", at(2026, 11, 24)],
  ["+3h30min", (NOW + 12_600_000) * 1000],
  ["-5s", (NOW - 5_000) * 1000],
  ["-1h 30min", (NOW - 5_400_000) * 1000],
  ["11min ago", (NOW - 660_000) * 1000],
  ["2 h left", (NOW + 7_200_000) * 1000],
  ["@1395716396", 1_395_716_396_000_000],
  ["@1.5", 1_500_000],
  [" 2012-11-23 ", at(2012, 11, 23)],
])("%j is a point in time", (text, timeUs) => {
  expect(parseTimestamp(text, NOW)).toBe(timeUs);
});

test.each([
  "",
  "soon",
  "1h",
  "2012-13-01",
  "2012-02-32",
  "Mon 2012-11-23",
  "Fri, 2012-11-23",
  "2012-00-10",
  "24:00",
  "11:60",
  "11",
  "@",
  "-",
  "ago",
  "infinity ago",
  "2012-11-23 nonsense",
  "UTC",
])("%j is none", (text) => {
  expect(parseTimestamp(text, NOW)).toBeUndefined();
});
