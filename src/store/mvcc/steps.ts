/**
 * Work that may take long, cut into steps: a generator that yields wherever it can be held up, so that the event loop
 * gets to everything else. Whoever drives it decides whether to pause.
 */

/** Yields where it may be paused, returns its result. */
export type Steps<T> = Generator<void, T, void>;

/** How many entries are looked at between two steps: where Node only interprets, each may take 30 µs. */
export const STEP_ENTRIES = 16;

/** The time that long work may take of one turn of the event loop, all of it together. */
export interface Turns {
  /** True when the work has had its share of this turn. */
  isOver(): boolean;
  /** Resolves in a later turn. */
  next(): Promise<void>;
}

/** Without turns all of it is done at once. */
export async function inTurns<T>(steps: Steps<T>, turns: Turns | undefined): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (turns?.isOver()) await turns.next();
  }
}

/** Does all of it at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
