/** Keeps what comes in on a stream until it is known who takes it. */
import type { StreamListener } from "../http2/server-stream.ts";

export class LateListener implements StreamListener {
  #events: ((listener: StreamListener) => void)[] = [];
  #listener: StreamListener | undefined;

  /** @param coming when it fails, whoever made it answers. */
  constructor(coming: Promise<StreamListener>) {
    coming.then(
      (listener) => {
        this.#listener = listener;
        for (const event of this.#events.splice(0)) event(listener);
      },
      () => undefined,
    );
  }

  data(piece: Buffer): void {
    this.#tell((listener) => listener.data(piece));
  }

  end(): void {
    this.#tell((listener) => listener.end());
  }

  closed(): void {
    this.#tell((listener) => listener.closed());
  }

  #tell(event: (listener: StreamListener) => void): void {
    if (this.#listener === undefined) this.#events.push(event);
    else event(this.#listener);
  }
}
