/** What certificates say, as RFC 5280 has it written down, and what is read from them that Node does not tell. */
import { createHash, type KeyObject, randomBytes, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  der,
  integer,
  oid,
  readValue,
  readValues,
  sequence,
  TAG,
  tagged,
  time,
  utf8,
} from "./der.ts";
import type { Profile, Validity } from "./profiles.ts";

/** How everything is signed here, as it is told beside each signature. */
export const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

const COMMON_NAME = "2.5.4.3";
const CLIENT_AUTH = oid("1.3.6.1.5.5.7.3.2");
const SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1");
const VERSION_3 = tagged(0, "explicit", integer(Buffer.of(2)));
const YES = der(TAG.boolean, Buffer.of(0xff));

/** Bits of 4.2.1.3, and how many of the last are unused. */
const DIGITAL_SIGNATURE = bitString(Buffer.of(0x80), 7);
const KEY_CERT_SIGN_AND_CRL_SIGN = bitString(Buffer.of(0x06), 1);

/** What is signed. Names and extensions are DER. */
export interface Contents {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  /** A number that no other certificate of the issuer has, the most significant byte first. */
  readonly serial?: Buffer | undefined;
}

/** 4.1.2. */
export function certificateContents(contents: Contents): Buffer {
  const { subject, issuer, validity, publicKey, extensions, serial = newSerial() } = contents;
  return sequence(
    VERSION_3,
    integer(serial),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(validity.from), time(validity.to)),
    subject,
    spkiOf(publicKey),
    tagged(3, "explicit", sequence(...extensions)),
  );
}

/** Certificates that are not to be believed any more. */
export interface Revocations {
  /** Of who has signed them: name as DER, and public key. */
  readonly issuer: Buffer;
  readonly issuerKey: KeyObject;
  /** When the list was made, and until when it stands unless another is made. */
  readonly validity: Validity;
  readonly serials: readonly Buffer[];
}

/** 5.1.2. */
export function revocationContents({ issuer, issuerKey, validity, serials }: Revocations): Buffer {
  const from = time(validity.from);
  const number = Buffer.from(validity.from.getTime().toString(16).padStart(16, "0"), "hex");
  const entries = serials.map((serial) => sequence(integer(serial), from));
  return sequence(
    integer(Buffer.of(1)),
    ECDSA_WITH_SHA256,
    issuer,
    from,
    time(validity.to),
    // A list of none is left out.
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    tagged(0, "explicit", sequence(authorityKey(issuerKey), extension("2.5.29.20", integer(number)))),
  );
}

/** Of an authority beneath which there is no other. */
export function authorityExtensions(key: KeyObject): readonly Buffer[] {
  return [
    critical("2.5.29.19", sequence(YES, integer(Buffer.of(0)))),
    critical("2.5.29.15", KEY_CERT_SIGN_AND_CRL_SIGN),
    extension("2.5.29.14", der(TAG.octetString, keyIdentifier(key))),
  ];
}

/** Of a machine or a person. @param issuerKey public, of who signs */
export function bearerExtensions(profile: Profile, issuerKey: KeyObject): readonly Buffer[] {
  const usages = [CLIENT_AUTH, ...(profile.isServer ? [SERVER_AUTH] : [])];
  return [
    critical("2.5.29.19", sequence()),
    critical("2.5.29.15", DIGITAL_SIGNATURE),
    extension("2.5.29.37", sequence(...usages)),
    extension("2.5.29.17", sequence(...alternativeNames(profile))),
    authorityKey(issuerKey),
  ];
}

/** 4.2.1.1: which key of who signs. */
function authorityKey(key: KeyObject): Buffer {
  return extension("2.5.29.35", sequence(tagged(0, "implicit", keyIdentifier(key))));
}

/** A name of one part, so that no text can be taken for more than one. */
export function nameOf(commonName: string): Buffer {
  return sequence(der(TAG.set, sequence(oid(COMMON_NAME), utf8(commonName))));
}

/** As it stands in the certificate: whoever follows a chain compares bytes. */
export function subjectOf({ raw }: X509Certificate): Buffer {
  const [contents] = readValues(readValue(raw).content);
  const [, , , , , subject] = readValues(contents?.content ?? Buffer.alloc(0));
  if (subject === undefined) throw new RangeError("a certificate without a subject");
  return subject.whole;
}

/** A public key as certificates and requests have it. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(TAG.octetString, value));
}

/** One that must be understood by whoever believes the certificate. */
function critical(id: string, value: Buffer): Buffer {
  return sequence(oid(id), YES, der(TAG.octetString, value));
}

/** 4.2.1.6. */
function alternativeNames({ uri, hosts, addresses }: Profile): readonly Buffer[] {
  return [
    tagged(6, "implicit", Buffer.from(uri, "latin1")),
    ...hosts.map((host) => tagged(2, "implicit", Buffer.from(host, "latin1"))),
    ...addresses.map((address) => tagged(7, "implicit", addressBytes(address))),
  ];
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // A URL writes each group in hex, and the longest run of zeros as "::".
  const { hostname } = new URL(`http://[${address.replace(/%.*/, "")}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** 4.2.1.2 (1), as other tools have it: by it certificates name the key of who has signed them. It secures nothing. */
function keyIdentifier(key: KeyObject): Buffer {
  const [, bits] = readValues(readValue(spkiOf(key)).content);
  const hash = createHash("sha1").update(bits?.content.subarray(1) ?? "");
  return hash.digest();
}

/** 4.1.2.2: positive, at most 20 bytes; random, so that no two are the same. */
function newSerial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}
