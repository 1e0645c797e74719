/** Calls of the store's JSON gateway. */

export interface GatewayAnswer {
  readonly status: number;
  readonly body: unknown;
}

export class GatewayClient {
  readonly #endpoint: string;

  /** @param endpoint `host:port` */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async call(path: string, request: unknown, signal?: AbortSignal): Promise<GatewayAnswer> {
    const response = await this.#post(path, request, signal);
    return { status: response.status, body: await response.json() };
  }

  /** What each line of a stream tells. */
  async *stream(
    path: string,
    request: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void, undefined> {
    const response = await this.#post(path, request, signal);
    let rest = "";
    for await (const piece of response.body ?? []) {
      const lines = (rest + Buffer.from(piece).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line);
    }
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://${this.#endpoint}${path}`);
    return { status: response.status, text: await response.text() };
  }

  #post(path: string, request: unknown, signal: AbortSignal | undefined): Promise<Response> {
    const body = typeof request === "string" ? request : JSON.stringify(request);
    return fetch(`http://${this.#endpoint}${path}`, { method: "POST", body, ...(signal ? { signal } : {}) });
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
