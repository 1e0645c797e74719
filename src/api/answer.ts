/** Answers as data: what a route returns and what the server writes, whatever it is written to. */

/** The parts of a body that goes on, and how the server says that nobody reads them any more. */
export interface AnswerStream {
  readonly parts: AsyncIterable<string | Uint8Array>;
  abandon(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  /** The content type. */
  readonly type: string;
  readonly body: string | AnswerStream;
}

export function answerJson(value: unknown, status = 200): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

export function answerText(text: string, type = "text/plain; charset=utf-8"): Answer {
  return { status: 200, type, body: text };
}
