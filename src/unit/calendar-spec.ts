/** A calendar event as data: for each field of a date and a time the values it may have. */

/** From `start` to `stop` (or just `start`) every `repeat`-th; `repeat` without `stop` goes on to the end of the field. */
export interface CalendarRange {
  readonly start: number;
  readonly stop?: number;
  readonly repeat?: number;
}

/** The values a field may have; undefined is any. */
export type CalendarField = readonly CalendarRange[] | undefined;

/** A set of moments. */
export interface CalendarSpec {
  /** 1 is Monday, 7 Sunday; undefined is any day. */
  readonly weekdays: readonly number[] | undefined;
  readonly year: CalendarField;
  readonly month: CalendarField;
  readonly day: CalendarField;
  /** `~`: days are counted from the end of the month, 1 being its last. */
  readonly fromMonthEnd: boolean;
  readonly hour: CalendarField;
  readonly minute: CalendarField;
  /** In microseconds. */
  readonly second: CalendarField;
  /** The zone written behind the times; undefined is the machine's. */
  readonly zone: string | undefined;
}

/** The values a field can have at all. */
export interface FieldLimits {
  readonly min: number;
  readonly max: number;
  /** The greatest value that a first step may come to. */
  readonly lastStep: number;
}

/** systemd's own limits. Days are counted from the end only as far as every month has them. */
export const FIELD_LIMITS = {
  year: { min: 1970, max: 2199, lastStep: 2199 },
  month: { min: 1, max: 12, lastStep: 12 },
  day: { min: 1, max: 31, lastStep: 31 },
  dayFromEnd: { min: 1, max: 28, lastStep: 28 + 28 },
  hour: { min: 0, max: 23, lastStep: 23 },
  minute: { min: 0, max: 59, lastStep: 59 },
  second: { min: 0, max: 59_999_999, lastStep: 59_999_999 },
} as const satisfies Record<string, FieldLimits>;
