/** Passing a request on to the machine that alone can answer it. */
import { FlotillaError } from "#base/errors.ts";
import { type Caller, FORWARDED, formatCaller } from "./access/caller.ts";
import type { Answer } from "./answer.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** What is asked of the other machine. */
export interface Forwarded {
  /** With the query. */
  readonly path: string;
  /** For the error: `the journal`. */
  readonly what: string;
  /** Makes it a POST, with this as JSON. */
  readonly body?: object;
}

/** On whose behalf, and until when. */
export interface Asker {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/** Headers of a request that is passed on for somebody, who is its caller there, too. */
export function forwardHeaders(caller: Caller): Readonly<Record<string, string>> {
  return { [FORWARDED]: formatCaller(caller) };
}

/**
 * The other machine's answer as it comes.
 * @throws FlotillaError `machine-gone` when the machine is not present or does not answer
 */
export async function forward(
  machine: string,
  { path, what, body }: Forwarded,
  { caller, signal }: Asker,
  { mirror, askPeer }: Pick<ApiDependencies, "mirror" | "askPeer">,
): Promise<Answer> {
  const record = mirror.view.machines.get(machine);
  if (record === undefined) throw machineGone(machine, what, undefined);
  const { name, api } = record;
  const gone = new AbortController();
  const ended = AbortSignal.any([signal, gone.signal]);
  try {
    const sent =
      body === undefined
        ? { headers: forwardHeaders(caller) }
        : {
            method: "POST" as const,
            headers: { ...forwardHeaders(caller), "content-type": "application/json" },
            body: JSON.stringify(body),
          };
    const answer = await askPeer(new URL(path, api).href, { ...sent, machine, signal: ended });
    return {
      status: answer.status,
      type: answer.type,
      body: { parts: passOn(answer.body, name, what, ended), abandon: async () => gone.abort() },
    };
  } catch (error) {
    throw machineGone(name, what, error);
  }
}

/** A machine that dies while its answer is passed on is named by the last line, as any other failure on the way. */
async function* passOn(
  parts: AsyncIterable<Uint8Array>,
  name: string,
  what: string,
  ended: AbortSignal,
): AsyncGenerator<string | Uint8Array, void> {
  try {
    yield* parts;
  } catch (error) {
    if (!ended.aborted) yield `\n${JSON.stringify({ error: machineGone(name, what, error) })}\n`;
  }
}

function machineGone(name: string, what: string, cause: unknown): FlotillaError {
  return new FlotillaError("machine-gone", `machine ${name}, which has ${what}, does not answer`, {
    causes: cause instanceof Error ? [cause.message] : [],
    hint: "it is kept there and can be read when the machine is back",
    cause,
  });
}
