/**
 * Keys, requests and certificates made and signed: ECDSA on P-256, as every TLS library has it. Keys and signatures are
 * Node's; what is signed is written by x509.ts.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Authority } from "#model/trust-records.ts";
import { bitString, integer, readValue, readValues, sequence, TAG, tagged } from "./der.ts";
import { authorityValidity, type Profile } from "./profiles.ts";
import {
  authorityExtensions,
  bearerExtensions,
  certificateContents,
  ECDSA_WITH_SHA256,
  nameOf,
  revocationContents,
  spkiOf,
  subjectOf,
} from "./x509.ts";

const CURVE = "prime256v1";
const DIGEST = "sha256";
const CERTIFICATE = "CERTIFICATE";
const REQUEST = "CERTIFICATE REQUEST";
const REVOCATIONS = "X509 CRL";
/** The only version of requests (RFC 2986 4.1). */
const REQUEST_VERSION = integer(Buffer.of(0));

/** A new private key, as PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: CURVE });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** An authority of a new cluster, which signs certificates and no further authorities. */
export function newAuthority(name: string, nowMs: number): Authority {
  const key = newKey();
  const publicKey = createPublicKey(key);
  const contents = certificateContents({
    subject: nameOf(name),
    issuer: nameOf(name),
    validity: authorityValidity(nowMs),
    publicKey,
    extensions: authorityExtensions(publicKey),
  });
  return { certificate: toPem(CERTIFICATE, signed(contents, key)), key };
}

/** What asks for a certificate and proves that whoever asks has the key. @param key PEM @returns PEM */
export function newRequest(key: string): string {
  const attributes = tagged(0, "explicit");
  const contents = sequence(REQUEST_VERSION, nameOf("flotilla"), spkiOf(createPublicKey(key)), attributes);
  return toPem(REQUEST, signed(contents, key));
}

/**
 * The public key, as PEM, of a request whose signature is right. Nothing else of it is believed: what the certificate
 * says is decided by who signs.
 * @throws FlotillaError `bad-request`
 */
export function keyOfRequest(text: string): string {
  try {
    const key = provenKey(fromPem(REQUEST, text));
    if (key !== undefined) return key.export({ type: "spki", format: "pem" }).toString();
  } catch (cause) {
    throw badRequest(cause);
  }
  throw badRequest(undefined);
}

/** A certificate by the authority, as PEM. @param key PEM, private or public, of whom it is for */
export function signCertificate(authority: Authority, key: string, profile: Profile): string {
  const issuer = new X509Certificate(authority.certificate);
  const contents = certificateContents({
    subject: nameOf(profile.commonName),
    issuer: subjectOf(issuer),
    validity: profile.validity,
    publicKey: createPublicKey(key),
    extensions: bearerExtensions(profile, issuer.publicKey),
    serial: profile.serial,
  });
  return toPem(CERTIFICATE, signed(contents, authority.key));
}

/** The authority's list of certificates that are not to be believed any more, as PEM; it stands for as long as the authority. */
export function signRevocations(authority: Authority, serials: readonly Buffer[], nowMs: number): string {
  const issuer = new X509Certificate(authority.certificate);
  const contents = revocationContents({
    issuer: subjectOf(issuer),
    issuerKey: issuer.publicKey,
    validity: { from: new Date(nowMs), to: issuer.validToDate },
    serials,
  });
  return toPem(REVOCATIONS, signed(contents, authority.key));
}

/** Undefined where the request is not signed by its own key of our curve. @throws RangeError, Error of what is no request */
function provenKey(request: Buffer): KeyObject | undefined {
  const [contents, algorithm, signature] = readValues(readValue(request).content);
  const [, , spki] = readValues(contents?.content ?? Buffer.alloc(0));
  if (contents === undefined || spki === undefined || signature?.tag !== TAG.bitString) return undefined;
  const key = createPublicKey({ key: spki.whole, format: "der", type: "spki" });
  const isOurs = key.asymmetricKeyDetails?.namedCurve === CURVE && algorithm?.whole.equals(ECDSA_WITH_SHA256);
  // A bit string begins with how many bits of its last byte are unused.
  return isOurs && verify(DIGEST, contents.whole, key, signature.content.subarray(1)) ? key : undefined;
}

/** What is signed, by what algorithm, and the signature. @param key PEM */
function signed(contents: Buffer, key: string): Buffer {
  return sequence(contents, ECDSA_WITH_SHA256, bitString(sign(DIGEST, contents, createPrivateKey(key))));
}

/** RFC 7468. */
function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function fromPem(label: string, text: string): Buffer {
  const [, base64 = ""] =
    new RegExp(`-----BEGIN ${label}-----([\\sA-Za-z0-9+/=]*)-----END ${label}-----`).exec(text) ?? [];
  return Buffer.from(base64, "base64");
}

function badRequest(cause: unknown): FlotillaError {
  return new FlotillaError("bad-request", "this is no request for a certificate that can be granted", {
    causes: cause instanceof Error ? [cause.message] : ["it is not signed by its own key of P-256"],
    cause,
  });
}
