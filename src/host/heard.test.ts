import { expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { Heard } from "./heard.ts";

test("a host is heard from when it connects on, once somebody has asked for it", () => {
  const clock = new VirtualClock();
  const heard = new Heard(clock);
  heard.note("10.0.0.1");
  expect(heard.msAgo("10.0.0.1")).toBe(Number.POSITIVE_INFINITY);
  heard.note("10.0.0.1");
  clock.skipTo(clock.monotonic() + 300);
  expect(heard.msAgo("10.0.0.1")).toBe(300);
  heard.note("10.0.0.1");
  expect(heard.msAgo("10.0.0.1")).toBe(0);
});

test("others that connect say nothing of it, nor does one that is gone before it is looked at", () => {
  const heard = new Heard(new VirtualClock());
  heard.msAgo("10.0.0.1");
  heard.note("10.0.0.2");
  heard.note(undefined);
  expect(heard.msAgo("10.0.0.1")).toBe(Number.POSITIVE_INFINITY);
});
