/**
 * A request over a Unix socket, without Node's HTTP, which takes a command as long to load and use as all of this does
 * (docs/decisions/0031); nearly every command asks the daemon of its machine so. One request a connection; the body of the
 * answer is read as it comes.
 */
import { bodyReader, type Head, readHead } from "./http-answer.ts";

export interface SocketRequest {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the answer may take to begin, and what to fail with when it has not. */
  readonly timeoutMs: number;
  readonly tooLate: () => Error;
}

export interface Answer {
  readonly status: number;
  /** Throws where the connection ends before the body does. Whoever stops reading closes the connection. */
  readonly body: AsyncIterable<Buffer>;
}

/** The answer, once its head has come. @throws the socket's error, the signal's reason, {@link SocketRequest.tooLate} or NotHttp */
export async function requestOverSocket(request: SocketRequest): Promise<Answer> {
  const { signal, timeoutMs, tooLate } = request;
  signal?.throwIfAborted();
  const text = requestText(request);
  const socket = process.getBuiltinModule("node:net").connect(request.socketPath);
  const abort = (): void => void socket.destroy(asError(signal?.reason));
  signal?.addEventListener("abort", abort, { once: true });
  socket.once("close", () => signal?.removeEventListener("abort", abort));
  const timer = setTimeout(() => socket.destroy(tooLate()), timeoutMs);
  socket.write(text);
  const parts: AsyncIterator<Buffer> = socket[Symbol.asyncIterator]();
  try {
    const { head, rest } = await headOf(parts);
    return { status: head.status, body: bodyOf(parts, head, rest) };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws RangeError for what would be read as something else. */
function requestText({ method, path, headers, payload }: SocketRequest): string {
  const length = payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) };
  const fields = Object.entries({ host: "localhost", connection: "close", ...headers, ...length });
  const lines = [`${method} ${path} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  if (lines.some((line) => /[^\t\x20-\x7e]/.test(line)) || /\s/.test(path))
    throw new RangeError("a request's path and headers are printable ASCII");
  return `${lines.join("\r\n")}\r\n\r\n${payload ?? ""}`;
}

async function headOf(parts: AsyncIterator<Buffer>): Promise<{ readonly head: Head; readonly rest: Buffer }> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const part = await parts.next();
    if (part.done === true) throw cut();
    bytes = Buffer.concat([bytes, part.value]);
    const head = readHead(bytes);
    if (head !== undefined) return { head, rest: bytes.subarray(head.end) };
  }
}

async function* bodyOf(
  parts: AsyncIterator<Buffer>,
  { framing }: Head,
  rest: Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  const reader = bodyReader(framing);
  try {
    for (let bytes: Buffer | undefined = rest; bytes !== undefined && !reader.isWhole; ) {
      yield* reader.take(bytes);
      if (reader.isWhole) return;
      const part: IteratorResult<Buffer, unknown> = await parts.next();
      bytes = part.done === true ? undefined : part.value;
    }
    if (!reader.mayEnd) throw cut();
  } finally {
    // Destroys the socket.
    await parts.return?.();
  }
}

function cut(): Error {
  return Object.assign(new Error("the connection was cut"), { code: "ECONNRESET" });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
