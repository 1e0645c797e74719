/** gRPC's status in the trailers of an answer, and the store's errors that stand for it. */
import { CompactedError, STORE_STATUS, StoreError, type StoreStatus } from "../store.ts";

const COMPACTED_TEXT = new CompactedError(0n).message;
/** What etcd's consensus says, without a status of its own, while a member ends or has no leader: it is away. */
const AWAY_TEXTS: ReadonlySet<string> = new Set(["raft: stopped", "raft proposal dropped"]);

/** The trailers that end a call with an error. */
export function errorTrailers(error: unknown): Record<string, string> {
  const { status, message } =
    error instanceof StoreError ? error : { status: "unknown" as const, message: textOf(error) };
  return { "grpc-status": String(STORE_STATUS[status]), "grpc-message": encodeMessage(message) };
}

/** An error as gRPC's Go library writes it, which is how etcd tells of one inside an answer. */
export function showStatus({ status, message }: StoreError): string {
  const name = status.replace(/(^|-)([a-z])/g, (_match, _dash, letter: string) => letter.toUpperCase());
  return `rpc error: code = ${name} desc = ${message}`;
}

/** Everything but what is printable in ASCII is percent-encoded, as gRPC says. */
function encodeMessage(message: string): string {
  return message.replace(/[^ -$&-~]+/g, (part) =>
    Array.from(Buffer.from(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

export const OK_TRAILERS: Record<string, string> = { "grpc-status": "0", "grpc-message": "" };

/** The error that trailers tell of; undefined when they tell of success. */
export function errorOf(trailers: Readonly<Record<string, unknown>>): StoreError | undefined {
  const code = Number(trailers["grpc-status"]);
  if (code === 0) return undefined;
  const raw = trailers["grpc-message"];
  const message = typeof raw === "string" ? decode(raw) : "the store ended the call without a status";
  // A compacted revision is the one refusal that callers handle; over the network only its text tells it.
  if (message === COMPACTED_TEXT) return new CompactedError(0n);
  return new StoreError(AWAY_TEXTS.has(message) ? "unavailable" : statusOf(code), message);
}

function statusOf(code: number): StoreStatus {
  const found = Object.entries(STORE_STATUS).find(([, number]) => number === code)?.[0];
  return found !== undefined && isStatus(found) ? found : "unknown";
}

function isStatus(text: string): text is StoreStatus {
  return Object.hasOwn(STORE_STATUS, text);
}

function decode(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
