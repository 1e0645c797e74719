import { describe, expect, test } from "vitest";
import { formatCalendar } from "./calendar.ts";
import { readTimer } from "./read-timer.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

function read(lines: string, name = "backup@1.timer") {
  return readTimer(parseUnitFile(`[Timer]\n${lines}\n`), specifierContext(name));
}

test("systemd's defaults; what is started is the service of the same name", () => {
  expect(read("OnBootSec=5min")).toEqual({
    settings: {
      unit: "backup@1.service",
      onActiveMs: [],
      onBootMs: [300_000],
      onStartupMs: [],
      onUnitActiveMs: [],
      onUnitInactiveMs: [],
      onCalendar: [],
      persistent: false,
      randomizedDelayMs: 0,
      fixedRandomDelay: false,
      accuracyMs: 60_000,
      remainAfterElapse: true,
      onClockChange: false,
      onTimezoneChange: false,
    },
    diagnostics: [],
  });
});

test("every setting", () => {
  const { settings } = read(
    "Unit=other.service\nOnActiveSec=1\nOnActiveSec=2\nOnStartupSec=3\nOnUnitActiveSec=4\nOnUnitInactiveSec=5\n" +
      "OnCalendar=daily\nOnCalendar=Mon 10:00\nPersistent=yes\nRandomizedDelaySec=1min\nAccuracySec=1us\nRemainAfterElapse=no",
  );
  expect(settings).toMatchObject({
    unit: "other.service",
    onActiveMs: [1_000, 2_000],
    onStartupMs: [3_000],
    onUnitActiveMs: [4_000],
    onUnitInactiveMs: [5_000],
    persistent: true,
    randomizedDelayMs: 60_000,
    accuracyMs: 0.001,
    remainAfterElapse: false,
  });
  expect(settings?.onCalendar.map(formatCalendar)).toEqual(["*-*-* 00:00:00", "Mon *-*-* 10:00:00"]);
});

test("an empty line forgets those before it", () => {
  const { settings } = read("OnCalendar=daily\nOnCalendar=\nOnCalendar=weekly");
  expect(settings?.onCalendar.map(formatCalendar)).toEqual(["Mon *-*-* 00:00:00"]);
});

describe("what is wrong, in systemd's words", () => {
  test("a timer that never fires is refused", () => {
    const { settings, diagnostics } = read("AccuracySec=1");
    expect(settings).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { severity: "error", message: "Timer unit lacks value setting. Refusing.", place: { line: 1 } },
    ]);
  });

  test.each([
    ["OnCalendar=foo", "Failed to parse calendar specification, ignoring: foo"],
    ["OnBootSec=foo", "Failed to parse timer value, ignoring: foo"],
    ["AccuracySec=foo", "Failed to parse sec value, ignoring: foo"],
    ["Unit=foo", "Unit type not valid, ignoring: foo"],
  ])("%s", (line, message) => {
    const { settings, diagnostics } = read(`OnBootSec=1\n${line}`);
    expect(diagnostics.map((found) => found.message)).toEqual([message]);
    expect(settings?.onBootMs).toEqual([1_000]);
  });
});
