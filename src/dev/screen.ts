/** What the dev host shows: lines that stay, and on a terminal a block of lines that is drawn over itself. */
import type { WriteStream } from "node:tty";

const DEFAULT_WIDTH = 100;

export class Screen {
  readonly #out: NodeJS.WriteStream;
  #blockLines = 0;
  #muted = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Says nothing more: there is nobody left to read it. */
  mute(): void {
    this.#muted = true;
  }

  get width(): number {
    return Math.min(this.#terminal?.columns ?? DEFAULT_WIDTH, DEFAULT_WIDTH);
  }

  /** True where a block can be drawn over itself: on a terminal that is tall enough for it. */
  canRedraw(lines: number): boolean {
    return this.#terminal !== undefined && lines < this.#terminal.rows - 1;
  }

  /** Lines that stay, above the block. */
  print(...lines: readonly string[]): void {
    this.#erase();
    this.#write(lines.map((line) => `${line}\n`).join(""));
  }

  /** Lines that the next block or line is drawn over. */
  block(lines: readonly string[]): void {
    this.#erase();
    this.#write(lines.map((line) => `${line}\n`).join(""));
    this.#blockLines = lines.length;
  }

  /** Lets the block stay. */
  keepBlock(): void {
    this.#blockLines = 0;
  }

  #write(text: string): void {
    if (!this.#muted) this.#out.write(text);
  }

  #erase(): void {
    // Cursor up so many lines, then clear to the end of the screen (ECMA-48 CUU and ED).
    if (this.#blockLines > 0) this.#write(`\x1b[${this.#blockLines}A\x1b[J`);
    this.#blockLines = 0;
  }

  get #terminal(): WriteStream | undefined {
    return this.#out.isTTY && process.env.TERM !== "dumb" ? this.#out : undefined;
  }
}
