/** Time spans against `systemd-analyze timespan` of systemd 252: verdict and microseconds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration } from "#base/duration.ts";
import { answersOf } from "./systemd-tool.ts";

/** Microseconds as systemd prints them. */
const MICROSECONDS = /^ +μs: (\d+)$/gm;
const INFINITY = String(2n ** 64n - 1n);

function differences(spans: readonly string[]): readonly unknown[] {
  const theirs = answersOf(["systemd-analyze", "timespan"], spans, (stdout) =>
    [...stdout.matchAll(MICROSECONDS)].map(([, digits = ""]) => digits),
  );
  return spans.flatMap((span, index) => {
    const [systemd, flotilla] = [theirs[index], parseDuration(span)];
    return isSame(systemd, flotilla) ? [] : [{ span, systemd, flotilla }];
  });
}

/** Numbers beyond 2^53 are compared as far as a number of JavaScript's goes. */
function isSame(systemd: string | undefined, ms: number | undefined): boolean {
  if (systemd === undefined || ms === undefined) return systemd === ms;
  if (systemd === INFINITY) return ms === Number.POSITIVE_INFINITY;
  const us = Math.round(ms * 1000);
  return Math.abs(us - Number(systemd)) <= Number(systemd) * 1e-15;
}

const VECTORS = (
  "0|1|007|90|1.5|.5|0.5us|1.5us|1.9us|+5|++5|+ 5|+.5|-5|- 5|5-|5s-5|5s+5|5 +5|5+5|1h30|1h30min|1h 30|2h 3.5s|5 . 5|5. 5|" +
  "1.|1.s|.s|.|..5|1..5|1.5.5|1.5 .5|5 .5|1.0000019s|1.99999999ms|1 month 3.9999999s|1.23456789y|0.1M|3.7w|5.9999999999999d|" +
  "infinity| infinity |infinity 5|5 infinity|Infinity|inf|1us|1usec|1µs|1μs|1ms|1msec|1s|1sec|1second|1seconds|1secs|1m|" +
  "1min|1minute|1minutes|1mins|1h|1hr|1hour|1hours|1hrs|1d|1day|1days|1w|1week|1weeks|1M|1month|1months|1mon|1y|1year|1years|" +
  "1Y|1S|1H|1D|1W|1Min|5Ms|5sm|5msd|5s s|5 s s|s|5,5|5:30|1e3|0x10|5 weeksday|1d2h3m4s5ms6us|1 d 2 h|1\\t2|\\t1s\\t|1\\n2| |" +
  "584541y|584542y|584554y|584554.5y|9223372036854775806us|9223372036854775807us|9223372036854775808us|18446744073709551614us|" +
  "18446744073709551615us|18446744073709s|18446744073710s|99999999999999999999|5.0000000000000000000000001us|1.us|5,s|五s"
)
  .split("|")
  .map((span) => span.replace("\\t", "\t").replace("\\n", "\n"));

const unit = fc.constantFrom(
  ...[
    "",
    "",
    "us",
    "ms",
    "msec",
    "s",
    "sec",
    "seconds",
    "m",
    "min",
    "h",
    "hr",
    "d",
    "w",
    "M",
    "months",
    "y",
    "year",
    "x",
    "S",
  ],
);
const blanks = fc.constantFrom("", "", " ", "  ", "\t");
const amount = fc.oneof(
  fc.nat(5000).map(String),
  fc.tuple(fc.nat(100), fc.stringMatching(/^\d{1,9}$/)).map(([whole, fraction]) => `${whole}.${fraction}`),
  fc.stringMatching(/^[+-]?\d*\.?\d*$/),
);
const part = fc.tuple(blanks, amount, blanks, unit).map((all) => all.join(""));
const span = fc.array(part, { minLength: 1, maxLength: 3 }).map((all) => all.join(""));

describe("the same microseconds as systemd's", () => {
  test("for every unit and edge", () => {
    expect(differences(VECTORS)).toEqual([]);
  });

  test("for generated spans", () => {
    expect(differences(fc.sample(span, { numRuns: 250, seed: 252 }))).toEqual([]);
  });
});
