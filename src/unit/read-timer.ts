/** [Timer] of a unit file as typed settings, with systemd's defaults (systemd.timer(5)). Times are milliseconds. */
import type { CalendarSpec } from "./calendar.ts";
import { type Diagnostic, hasErrors, inOrder } from "./diagnostic.ts";
import { listInOrder } from "./listed.ts";
import { SectionReader } from "./section-reader.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

export interface TimerSettings {
  /** What is started; the service of the same name unless Unit= says otherwise. */
  readonly unit: string;
  readonly onActiveMs: readonly number[];
  readonly onBootMs: readonly number[];
  readonly onStartupMs: readonly number[];
  readonly onUnitActiveMs: readonly number[];
  readonly onUnitInactiveMs: readonly number[];
  readonly onCalendar: readonly CalendarSpec[];
  /** A calendar time that passed while the timer was off is made up for. */
  readonly persistent: boolean;
  readonly randomizedDelayMs: number;
  readonly accuracyMs: number;
  /** Whether the randomized delay is the same each time, by machine and timer. */
  readonly fixedRandomDelay: boolean;
  readonly remainAfterElapse: boolean;
  /** Elapses when the wall clock is set, or the machine's time zone is changed. */
  readonly onClockChange: boolean;
  readonly onTimezoneChange: boolean;
}

export interface TimerReading {
  /** Undefined when an error makes the timer one that cannot run. */
  readonly settings: TimerSettings | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_ACCURACY_MS = 60_000;

/** Reads a timer. Never throws; what is wrong is in the diagnostics, in systemd's words. */
export function readTimer(file: UnitFile, context: SpecifierContext): TimerReading {
  const timer = new SectionReader(file, "Timer", context);
  const settings: TimerSettings = {
    unit: timer.last("Unit") ?? `${context.unit.full.slice(0, -context.unit.suffix.length)}service`,
    ...readTimes(file, timer),
    persistent: timer.last("Persistent") ?? false,
    randomizedDelayMs: timer.last("RandomizedDelaySec") ?? 0,
    fixedRandomDelay: timer.last("FixedRandomDelay") ?? false,
    accuracyMs: timer.last("AccuracySec") ?? DEFAULT_ACCURACY_MS,
    remainAfterElapse: timer.last("RemainAfterElapse") ?? true,
    onClockChange: timer.last("OnClockChange") ?? false,
    onTimezoneChange: timer.last("OnTimezoneChange") ?? false,
  };
  const diagnostics = inOrder([...file.diagnostics, ...timer.diagnostics, ...checkTimer(file, settings)]);
  return { settings: hasErrors(diagnostics) ? undefined : settings, diagnostics };
}

const SPAN_KEYS = [
  "OnActiveSec",
  "OnBootSec",
  "OnStartupSec",
  "OnUnitActiveSec",
  "OnUnitInactiveSec",
] as const;

function readTimes(file: UnitFile, timer: SectionReader<"Timer">) {
  type TimeKey = (typeof SPAN_KEYS)[number] | "OnCalendar";
  const keys: readonly TimeKey[] = [...SPAN_KEYS, "OnCalendar"];
  const listed = listInOrder<TimeKey, number | CalendarSpec>(file, "Timer", keys, (key) =>
    timer.located(key),
  );
  const spans = (key: TimeKey): readonly number[] =>
    listed.flatMap((time) => (time.key === key && typeof time.value === "number" ? [time.value] : []));
  return {
    onActiveMs: spans("OnActiveSec"),
    onBootMs: spans("OnBootSec"),
    onStartupMs: spans("OnStartupSec"),
    onUnitActiveMs: spans("OnUnitActiveSec"),
    onUnitInactiveMs: spans("OnUnitInactiveSec"),
    onCalendar: listed.flatMap(({ value }) => (typeof value === "number" ? [] : [value])),
  };
}

function checkTimer(file: UnitFile, settings: TimerSettings): readonly Diagnostic[] {
  const { onActiveMs, onBootMs, onStartupMs, onUnitActiveMs, onUnitInactiveMs, onCalendar } = settings;
  const spans = [onActiveMs, onBootMs, onStartupMs, onUnitActiveMs, onUnitInactiveMs].flat();
  const { onClockChange, onTimezoneChange } = settings;
  if (spans.length + onCalendar.length > 0 || onClockChange || onTimezoneChange) return [];
  const place = file.placeOfSection("Timer");
  const message = "Timer unit lacks value setting. Refusing.";
  return [
    { severity: "error", code: "bad-combination", message, place, hint: "add OnCalendar= or OnBootSec=" },
  ];
}
