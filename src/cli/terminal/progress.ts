/** One line of progress that is written over again on a terminal, and nothing at all elsewhere. */
import type { TextSink } from "./io.ts";

const CLEAR_LINE = "\r\u001B[K";
const DEFAULT_COLUMNS = 80;

export class Progress {
  readonly #out: TextSink;
  readonly #live: boolean;
  #shown = false;

  constructor(out: TextSink, term: string | undefined) {
    this.#out = out;
    this.#live = out.isTTY === true && term !== "dumb";
  }

  show(text: string): void {
    if (!this.#live) return;
    this.#out.write(CLEAR_LINE + text.slice(0, (this.#out.columns ?? DEFAULT_COLUMNS) - 1));
    this.#shown = true;
  }

  /** Takes the line away, before anything else is written. */
  clear(): void {
    if (this.#shown) this.#out.write(CLEAR_LINE);
    this.#shown = false;
  }
}
