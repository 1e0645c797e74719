/** A queue between who produces and one who iterates; it ends, or fails, behind what was pushed before. */
export class Channel<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => undefined;
  #end: { readonly error: unknown } | "open" | "ended" = "open";

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    if (this.#end === "open") this.#end = "ended";
    this.#wake();
  }

  fail(error: unknown): void {
    if (this.#end === "open") this.#end = { error };
    this.#wake();
  }

  async *read(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else if (this.#end === "ended") return;
      else if (this.#end !== "open") throw this.#end.error;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
