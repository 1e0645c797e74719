/** Passing a request on to the machine that alone can answer it. */
import type { IncomingHttpHeaders } from "node:http";
import { FlotillaError } from "#base/errors.ts";
import type { Answer } from "./answer.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** Marks a request that another daemon has passed on, which is answered here or not at all. */
const FORWARDED = "flotilla-forwarded";

export const FORWARD_HEADERS = { [FORWARDED]: "1" };

export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return headers[FORWARDED] !== undefined;
}

/**
 * The other machine's answer as it comes.
 *
 * @param path of the request, with the query
 * @param what is asked for, for the error: `the journal`
 * @param body makes it a POST, with this as JSON
 * @throws FlotillaError `machine-gone` when the machine is not present or does not answer
 */
export async function forward(
  machine: string,
  path: string,
  what: string,
  signal: AbortSignal,
  { mirror, askPeer }: Pick<ApiDependencies, "mirror" | "askPeer">,
  body?: object,
): Promise<Answer> {
  const record = mirror.view.machines.get(machine);
  if (record === undefined) throw machineGone(machine, what, undefined);
  const { name, api } = record;
  const gone = new AbortController();
  const ended = AbortSignal.any([signal, gone.signal]);
  try {
    const sent =
      body === undefined
        ? { headers: FORWARD_HEADERS }
        : {
            method: "POST" as const,
            headers: { ...FORWARD_HEADERS, "content-type": "application/json" },
            body: JSON.stringify(body),
          };
    const answer = await askPeer(new URL(path, api).href, { ...sent, signal: ended });
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
