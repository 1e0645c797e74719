/**
 * Certificates made and signed: ECDSA on P-256, as every TLS library has it.
 *
 * The only file that knows the library for it. It is loaded where something is signed, seldom and not for long, so that
 * a daemon at rest does without: import it only when it is needed.
 */
import "reflect-metadata";
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { FlotillaError } from "#base/errors.ts";
import type { Authority } from "#model/trust-records.ts";
import { authorityValidity, type Profile } from "./profiles.ts";

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const { subtle } = webcrypto;

/** A new private key, as PEM. */
export async function newKey(): Promise<string> {
  const { privateKey } = await subtle.generateKey(KEY, true, ["sign", "verify"]);
  return toPem(privateKey);
}

/** An authority of a new cluster, which signs certificates and no further authorities. */
export async function newAuthority(name: string, nowMs: number): Promise<Authority> {
  const keys = await subtle.generateKey(KEY, true, ["sign", "verify"]);
  const { from, to } = authorityValidity(nowMs);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: newSerial(),
      name: subject(name),
      notBefore: from,
      notAfter: to,
      signingAlgorithm: SIGNATURE,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString("pem")}\n`, key: await toPem(keys.privateKey) };
}

/** What asks for a certificate and proves that whoever asks has the key. @param key PEM @returns PEM */
export async function newRequest(key: string): Promise<string> {
  const keys = { privateKey: await importPrivate(key), publicKey: await importPublic(key) };
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: subject("flotilla"), keys, signingAlgorithm: SIGNATURE },
    webcrypto,
  );
  return `${request.toString("pem")}\n`;
}

/**
 * The public key, as PEM, of a request whose signature is right. Nothing else of it is believed: what the certificate
 * says is decided by who signs.
 * @throws FlotillaError `bad-request`
 */
export async function keyOfRequest(text: string): Promise<string> {
  try {
    const request = new Pkcs10CertificateRequest(text);
    const key = createPublicKey(request.publicKey.toString("pem"));
    const isOurs = key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    if (isOurs && (await request.verify(webcrypto)))
      return key.export({ type: "spki", format: "pem" }).toString();
  } catch (cause) {
    throw badRequest(cause);
  }
  throw badRequest(undefined);
}

/** A certificate by the authority, as PEM. @param key PEM, private or public, of whom it is for */
export async function signCertificate(authority: Authority, key: string, profile: Profile): Promise<string> {
  const issuer = new X509Certificate(authority.certificate);
  const usages = [ExtendedKeyUsage.clientAuth, ...(profile.isServer ? [ExtendedKeyUsage.serverAuth] : [])];
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: subject(profile.commonName),
      issuer: issuer.subjectName,
      notBefore: profile.validity.from,
      notAfter: profile.validity.to,
      signingAlgorithm: SIGNATURE,
      signingKey: await importPrivate(authority.key),
      publicKey: await importPublic(key),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(usages),
        new SubjectAlternativeNameExtension(alternativeNames(profile)),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString("pem")}\n`;
}

function alternativeNames({ uri, hosts, addresses }: Profile): JsonGeneralNames {
  return [
    { type: "url", value: uri },
    ...hosts.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value })),
  ];
}

/** As data, so that no name can be taken for more than one. */
function subject(commonName: string): { readonly CN: string[] }[] {
  return [{ CN: [commonName] }];
}

/** RFC 5280 4.1.2.2: positive, at most 20 bytes; random, so that no two are the same. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}

function importPrivate(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return subtle.importKey("pkcs8", der, KEY, false, ["sign"]);
}

function importPublic(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(pem).export({ type: "spki", format: "der" });
  return subtle.importKey("spki", der, KEY, true, ["verify"]);
}

function badRequest(cause: unknown): FlotillaError {
  return new FlotillaError("bad-request", "this is no request for a certificate that can be granted", {
    causes: cause instanceof Error ? [cause.message] : ["it is not signed by its own key of P-256"],
    cause,
  });
}
