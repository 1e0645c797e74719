/** A calendar event as data: for each field of a date and a time the values it may have. */

/**
 * From `start` to `stop` (or just `start`) every `repeat`-th; `repeat` without `stop` goes on to the end of the field,
 * `stop` without `repeat` steps by one (in seconds: by a whole second).
 */
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
  /** In microseconds; undefined is any whole second. */
  readonly second: CalendarField;
  /** The zone written behind the times; undefined is the machine's. */
  readonly zone: string | undefined;
}

/** The values a field can have at all. */
export interface FieldLimits {
  readonly min: number;
  readonly max: number;
  /** A repetition without an end goes down from the start, as days before the end of a month do. */
  readonly stepsBack?: boolean;
}

/** systemd's own limits. Days are counted from the end only as far as every month has them. */
export const FIELD_LIMITS = {
  year: { min: 1970, max: 2199 },
  month: { min: 1, max: 12 },
  day: { min: 1, max: 31 },
  dayFromEnd: { min: 1, max: 28, stepsBack: true },
  hour: { min: 0, max: 23 },
  minute: { min: 0, max: 59 },
  second: { min: 0, max: 59_999_999 },
} as const satisfies Record<string, FieldLimits>;
