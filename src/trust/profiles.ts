/** What certificates say: their subjects, names, uses and times. Pure; signing.ts makes them. */
import { isIP } from "node:net";
import { FlotillaError } from "#base/errors.ts";
import { type Identity, identityUri, type MachineIdentity, type PersonIdentity } from "./identity.ts";
import { machineSerial } from "./serials.ts";

const DAY_MS = 86_400_000;
/** Clocks differ: a certificate is good a little before it was made. */
const BACKDATED_MS = 5 * 60_000;

/** How long certificates are good for. */
export interface Lifetimes {
  readonly machineMs: number;
  readonly personMs: number;
}

export const LIFETIMES: Lifetimes = { machineMs: 90 * DAY_MS, personMs: 365 * DAY_MS };
/** Authorities are not renewed: they outlive the hardware. */
const AUTHORITY_MS = 30 * 365 * DAY_MS;

export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** What a certificate is to say. */
export interface Profile {
  readonly commonName: string;
  readonly uri: string;
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
  readonly isServer: boolean;
  readonly validity: Validity;
  /** The certificate's number; a random one where it is left out. */
  readonly serial?: Buffer;
}

export function authorityValidity(nowMs: number): Validity {
  return validity(nowMs, AUTHORITY_MS);
}

/**
 * A machine's: it serves and it asks.
 * @param reached names and addresses by which others reach it
 * @throws FlotillaError `bad-request` when one is neither
 */
export function machineProfile(
  machine: Omit<MachineIdentity, "kind">,
  reached: readonly string[],
  nowMs: number,
  { machineMs }: Lifetimes = LIFETIMES,
): Profile {
  const all = [...new Set([...reached, "localhost", "127.0.0.1"])];
  const addresses = all.filter((one) => isIP(one) !== 0);
  const hosts = all.filter((one) => isIP(one) === 0);
  const bad = hosts.find((host) => !/^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/.test(host));
  if (bad !== undefined)
    throw new FlotillaError("bad-request", `"${bad}" is neither an address nor a host's name`);
  return {
    ...named({ kind: "machine", ...machine }, machine.name),
    hosts,
    addresses,
    isServer: true,
    validity: validity(nowMs, machineMs),
    serial: machineSerial(machine.id, nowMs),
  };
}

/** A person's: to be let in by the API. */
export function personProfile(
  person: Omit<PersonIdentity, "kind">,
  nowMs: number,
  { personMs }: Lifetimes = LIFETIMES,
): Profile {
  return {
    ...named({ kind: "person", ...person }, person.name),
    hosts: [],
    addresses: [],
    isServer: false,
    validity: validity(nowMs, personMs),
  };
}

function named(identity: Identity, commonName: string): Pick<Profile, "commonName" | "uri"> {
  // X.520 gives a common name 64 characters.
  return { commonName: commonName.slice(0, 64), uri: identityUri(identity) };
}

function validity(nowMs: number, lifetimeMs: number): Validity {
  return { from: new Date(nowMs - BACKDATED_MS), to: new Date(nowMs + lifetimeMs) };
}
