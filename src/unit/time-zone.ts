/** Time zones: which names are one, and wall-clock time to and from moments, by the platform's zone data (Intl). */

/** Names of the time zone database that have no slash; Intl would take them in any case, and systemd does not. */
const PLAIN_NAMES: ReadonlySet<string> = new Set(
  (
    "CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran " +
    "Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK " +
    "Singapore Turkey UCT UTC Universal W-SU WET Zulu"
  ).split(" "),
);

/** True for a name of the time zone database as it is written there. */
export function isTimeZone(name: string): boolean {
  if (!name.includes("/")) return PLAIN_NAMES.has(name);
  const known = /^([A-Z][A-Za-z0-9_+-]*)(\/[A-Z][A-Za-z0-9_+-]*|\/of|\/es)*/.test(name)
    ? resolve(name)
    : undefined;
  return known !== undefined && (known === name || known.toLowerCase() !== name.toLowerCase());
}

/** The name that Intl prefers for a zone, or undefined when it knows none. */
function resolve(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

const SECOND_US = 1_000_000;
/** The C library gives up after so many guesses, too. */
const MAX_PROBES = 6;

/**
 * The wall clock of one zone. A wall-clock time is a number: the microseconds since 1970 that it would be in UTC.
 *
 * Where a wall-clock time comes twice or never, the answer is that of the C library's mktime(), which systemd asks: it
 * starts from the offset that it found last. So a clock remembers its last offset, and is made anew for each question.
 */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat | undefined;
  #lastOffset: number;

  /** @param nowUs the moment whose offset is tried first */
  constructor(zone: string, nowUs: number) {
    const parts = {
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    } as const;
    const options = { ...parts, second: "numeric", hourCycle: "h23", timeZone: zone } as const;
    this.#format = zone === "UTC" ? undefined : new Intl.DateTimeFormat("en-US", options);
    this.#lastOffset = this.#offsetAt(nowUs);
  }

  wallAt(momentUs: number): number {
    return momentUs + this.#offsetAt(momentUs);
  }

  /** The moment at which the clock shows `wallUs`; for a time that is left out, as much later as the clock is put on. */
  momentOf(wallUs: number): number {
    let guess = wallUs - this.#lastOffset;
    let [before, last, lastOffset] = [Number.NaN, Number.NaN, Number.NaN];
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const offset = this.#offsetAt(guess);
      const better = wallUs - offset;
      // In a gap the guesses go to and fro; the one in summer time is taken.
      const isGap = guess === before && guess !== last && offset >= lastOffset;
      if (better === guess || isGap) break;
      [before, last, lastOffset] = [last, guess, offset];
      guess = better;
    }
    this.#lastOffset = wallUs - guess;
    return guess;
  }

  /** How far the wall clock is ahead of UTC. */
  #offsetAt(momentUs: number): number {
    if (this.#format === undefined) return 0;
    const wholeMs = Math.floor(momentUs / SECOND_US) * 1000;
    const parts = Object.fromEntries(
      this.#format.formatToParts(wholeMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return (Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs) * 1000;
  }
}
