import { describe, expect, test } from "vitest";
import { isTimeZone, ZoneClock } from "./time-zone.ts";

describe("isTimeZone", () => {
  test.each([
    "UTC",
    "CET",
    "EST5EDT",
    "GMT+0",
    "Europe/Berlin",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT-5",
    "US/Pacific",
  ])("%s is in the database", (name) => expect(isTimeZone(name)).toBe(true));

  test.each([
    "",
    "cet",
    "Cet",
    "utc",
    "europe/berlin",
    "EUROPE/BERLIN",
    "Europe/",
    "/UTC",
    "Mars/Base",
    "+01:00",
    "10:00",
  ])("%j is not, as it is written", (name) => expect(isTimeZone(name)).toBe(false));
});

/** Microseconds since 1970. */
function us(time: string): number {
  return Date.parse(time) * 1000;
}

describe("ZoneClock", () => {
  test("shows the time of its zone, in summer and in winter", () => {
    const clock = new ZoneClock("Europe/Berlin", 0);
    expect(clock.wallAt(us("2027-01-01T12:00:00Z"))).toBe(us("2027-01-01T13:00:00Z"));
    expect(clock.wallAt(us("2027-07-01T12:00:00Z"))).toBe(us("2027-07-01T14:00:00Z"));
  });

  test.each(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Apia"])(
    "of %s leads back from what it shows to the moment",
    (zone) => {
      const clock = new ZoneClock(zone, 0);
      for (const time of ["1999-12-31T23:59:59Z", "2027-05-05T05:05:05Z", "2199-01-01T00:00:00Z"]) {
        expect(clock.momentOf(clock.wallAt(us(time)))).toBe(us(time));
      }
    },
  );

  test("keeps microseconds", () => {
    const clock = new ZoneClock("Europe/Berlin", 0);
    const moment = us("2027-01-01T12:00:00Z") + 123_456;
    expect(clock.momentOf(clock.wallAt(moment))).toBe(moment);
  });

  test("takes a time that comes twice by the offset it knows last", () => {
    const twice = us("2027-10-31T02:30:00Z");
    const summer = new ZoneClock("Europe/Berlin", us("2027-10-30T12:00:00Z"));
    const winter = new ZoneClock("Europe/Berlin", us("2027-11-01T12:00:00Z"));
    expect(summer.momentOf(twice)).toBe(us("2027-10-31T00:30:00Z"));
    expect(winter.momentOf(twice)).toBe(us("2027-10-31T01:30:00Z"));
  });

  test("puts a time that is left out on by as much as the clock", () => {
    const clock = new ZoneClock("Europe/Berlin", us("2027-03-27T12:00:00Z"));
    expect(clock.momentOf(us("2027-03-28T02:30:00Z"))).toBe(us("2027-03-28T01:30:00Z"));
  });
});
