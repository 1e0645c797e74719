/** What people and tokens may be; without a schema, so that the command line need not load one. */

/** What a person may do; each may do what those behind it may. */
export const PERSON_ROLES = ["admin", "operator", "viewer"] as const;
export type PersonRole = (typeof PERSON_ROLES)[number];

/** What a token is good for: to join as a machine, or to be let in as a person. */
export const TOKEN_ROLES = ["machine", ...PERSON_ROLES] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];
