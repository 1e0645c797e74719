/** Whether a caller may have what it asks for. Pure. */
import { FlotillaError } from "#base/errors.ts";
import type { PersonRole } from "#model/trust-records.ts";
import type { Caller } from "./caller.ts";

/** What a route asks of its caller: nothing, or a role. Each takes in those before it. */
export const NEEDS = ["nothing", "viewer", "operator", "admin"] as const;
export type Need = (typeof NEEDS)[number];

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly error: Error };

const ALLOWED: Verdict = { allowed: true };

/** A machine reads by itself; what it changes, it changes for somebody, who then is the caller. */
const MACHINE_ROLE: PersonRole = "viewer";

export function mayCall(caller: Caller, need: Need): Verdict {
  if (need === "nothing") return ALLOWED;
  if (caller.kind === "nobody") return { allowed: false, error: caller.why ?? notAuthenticated() };
  const role = roleOf(caller);
  if (role !== undefined && includes(role, need)) return ALLOWED;
  return { allowed: false, error: notPermitted(caller, role, need) };
}

/** The role that a caller counts as; undefined for nobody. */
export function roleOf(caller: Caller): PersonRole | undefined {
  switch (caller.kind) {
    case "person":
      return caller.role;
    case "machine":
      return MACHINE_ROLE;
    case "local":
    case "unchecked":
      return "admin";
    case "nobody":
      return undefined;
  }
}

function includes(role: PersonRole, need: Need): boolean {
  return NEEDS.indexOf(role) >= NEEDS.indexOf(need);
}

function notAuthenticated(): FlotillaError {
  return new FlotillaError("not-authenticated", "the API wants to know who asks", {
    causes: ["the request came without a certificate and without a token"],
    hint: "on a machine of the cluster use the local socket, as root; from elsewhere: flotilla context add NAME ADDRESS --token TOKEN, with a token that an admin makes by flotilla token create --role viewer",
  });
}

function notPermitted(caller: Caller, role: PersonRole | undefined, need: Need): FlotillaError {
  const whose = "name" in caller ? caller.name : caller.kind;
  const what = role === undefined ? "nobody" : article(role);
  return new FlotillaError("not-permitted", `this needs the role ${need}, and ${whose} is ${what}`, {
    hint: `an admin makes a token with more: flotilla token create --role ${need}`,
  });
}

function article(role: PersonRole): string {
  return /^[ao]/.test(role) ? `an ${role}` : `a ${role}`;
}
