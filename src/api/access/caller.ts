/**
 * Who asks the API, and how machines tell each other on whose behalf they ask.
 *
 * access/ owns who a caller is (identify.ts) and what callers may do (may-call.ts). Invariants: a caller is judged anew
 * for each request; nothing that a caller says of itself is believed, but what a machine of the cluster says of whom it
 * asks for. It must not know routes, and it keeps nothing between requests.
 */
import * as z from "zod";
import { personRoleSchema } from "#model/trust-records.ts";

/** Callers that somebody has vouched for; a machine may ask on behalf of any of them. */
const knownCallerSchema = z.discriminatedUnion("kind", [
  /** Through the unix socket, whose file mode has let them in. */
  z.object({ kind: z.literal("local") }),
  z.object({ kind: z.literal("machine"), id: z.string(), name: z.string() }),
  z.object({
    kind: z.literal("person"),
    name: z.string(),
    role: personRoleSchema,
    by: z.enum(["certificate", "token"]),
  }),
]);
export type KnownCaller = Readonly<z.infer<typeof knownCallerSchema>>;

export type Caller =
  | KnownCaller
  /** Over the network, of a daemon that was told to check nobody. */
  | { readonly kind: "unchecked" }
  | {
      readonly kind: "nobody";
      /** What is wrong with the certificate or token that came; absent where none came. */
      readonly why?: Error;
    };

/** The caller in a few words, for the audit log. */
export function describeCaller(caller: Caller): string {
  switch (caller.kind) {
    case "local":
      return "local socket";
    case "machine":
      return `machine ${caller.name}`;
    case "person":
      return caller.by === "token" ? `${caller.name} (token)` : caller.name;
    case "unchecked":
      return "not checked";
    case "nobody":
      return "nobody";
  }
}

/** A request that a machine has passed on has this header, with the caller that it was asked by. */
export const FORWARDED = "flotilla-forwarded";

/** The header's value. */
export function formatCaller(caller: Caller): string {
  return encodeURIComponent(JSON.stringify(caller.kind === "nobody" ? { kind: "nobody" } : caller));
}

/** Undefined for a value that names nobody a machine could ask for. */
export function parseCaller(text: string): KnownCaller | undefined {
  try {
    return knownCallerSchema.safeParse(JSON.parse(decodeURIComponent(text))).data;
  } catch {
    return undefined;
  }
}
