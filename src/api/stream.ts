/** Answers that go on: server-sent events and lines of JSON, ended by either side, bounded where a reader is slow. */
import { FlotillaError } from "#base/errors.ts";
import type { Answer } from "./answer.ts";
import { describeFailure } from "./answer-error.ts";

/** One server-sent event; `id` is what a client resumes behind. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: string;
}

/** Values as the stream's chunks, and a failure as its last one. */
interface Encoding<T> {
  readonly contentType: string;
  /** Sent at once, so that the client knows that it is connected before anything happens. */
  readonly opening: string;
  readonly encode: (value: T) => string;
  readonly encodeFailure: (error: FlotillaError) => string;
}

const SERVER_EVENTS: Encoding<ServerEvent> = {
  contentType: "text/event-stream",
  opening: ": connected\n\n",
  encode: ({ event, data, id }) =>
    `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
  encodeFailure: (error) => `event: error\ndata: ${JSON.stringify(error)}\n\n`,
};

const JSON_LINES: Encoding<unknown> = {
  contentType: "application/x-ndjson",
  opening: "",
  encode: (value) => `${JSON.stringify(value)}\n`,
  encodeFailure: (error) => `${JSON.stringify({ error })}\n`,
};

/** @param source is called with a signal that is aborted when the client has gone. */
export function answerEvents(source: (signal: AbortSignal) => AsyncIterable<ServerEvent>): Answer {
  return answerStream(SERVER_EVENTS, source);
}

export function answerLines(source: (signal: AbortSignal) => AsyncIterable<unknown>): Answer {
  return answerStream(JSON_LINES, source);
}

function answerStream<T>(encoding: Encoding<T>, source: (signal: AbortSignal) => AsyncIterable<T>): Answer {
  const gone = new AbortController();
  const parts = encodeAll(encoding, source(gone.signal), gone.signal);
  const abandon = async (): Promise<void> => {
    // The signal wakes a source that waits; one that stands at a yield is ended by return.
    gone.abort();
    await parts.return();
  };
  return { status: 200, type: encoding.contentType, body: { parts, abandon } };
}

async function* encodeAll<T>(
  encoding: Encoding<T>,
  values: AsyncIterable<T>,
  gone: AbortSignal,
): AsyncGenerator<string, void> {
  if (encoding.opening !== "") yield encoding.opening;
  try {
    for await (const value of values) yield encoding.encode(value);
  } catch (error) {
    if (!gone.aborted) yield encoding.encodeFailure(describeFailure(error));
  }
}

/**
 * Reads `source` ahead of its reader, up to `limit` values. A reader that falls further behind is cut off with
 * `limit-exceeded`, so that one slow client cannot fill the daemon's memory.
 */
export async function* readAhead<T>(source: AsyncIterable<T>, limit: number): AsyncGenerator<T, void> {
  const backlog: T[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  const reading = (async () => {
    for await (const value of source) {
      backlog.push(value);
      wake.resolve();
      if (backlog.length > limit) throw tooSlow(limit);
    }
  })().finally(() => {
    ended = true;
    wake.resolve();
  });
  // Whoever reads learns of a failure below; until then it must not count as unhandled.
  reading.catch(() => undefined);
  while (!ended || backlog.length > 0) {
    const next = backlog.shift();
    if (next !== undefined) yield next;
    else {
      await wake.promise;
      wake = Promise.withResolvers();
    }
  }
  await reading;
}

function tooSlow(limit: number): FlotillaError {
  return new FlotillaError("limit-exceeded", `the reader fell more than ${limit} events behind`, {
    hint: "connect again; with Last-Event-ID nothing is missed",
    retryable: true,
  });
}
