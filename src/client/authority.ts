/**
 * How a cluster is known by the fingerprint that its tokens carry, to whoever has nothing else to know it by.
 *
 * Nothing is sent but the handshake: a token goes out only over a connection on which this authority is believed.
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { FlotillaError } from "#base/errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { causeOf } from "./failure.ts";

const CONNECT_MS = 5_000;

export interface KnownCluster {
  /** The certificate, as PEM, of the authority of the cluster's machines. */
  readonly authority: string;
  /** The address by which this machine reaches it. */
  readonly localAddress: string;
}

/**
 * The cluster whose authority has this fingerprint, as the machine at the endpoint shows it.
 * @param fingerprint SHA-256 of it in hex
 * @param nowMs the wall clock
 * @throws FlotillaError `unreachable`; `not-authenticated` where another cluster, or no Flotilla, answers
 */
export async function fetchAuthority(
  endpoint: Endpoint,
  fingerprint: string,
  nowMs: number,
): Promise<KnownCluster> {
  if (endpoint.kind === "unix" || endpoint.url.protocol !== "https:") {
    throw new FlotillaError("usage", `${endpoint.text} is not the address of a machine with certificates`, {
      hint: "give HOST, HOST:PORT or https://HOST:PORT",
    });
  }
  const { chain, localAddress } = await shownChain(endpoint);
  const authority = chain.find((one) => fingerprintOf(one) === fingerprint);
  const [own] = chain;
  if (authority === undefined || own === undefined) throw anotherCluster(endpoint.text, chain);
  if (!own.checkIssued(authority) || !own.verify(authority.publicKey))
    throw anotherCluster(endpoint.text, chain);
  checkClock(endpoint.text, own, nowMs);
  return { authority: authority.toString(), localAddress };
}

/** TLS would only say that it does not believe the certificate. */
function checkClock(text: string, { validFromDate, validToDate }: X509Certificate, nowMs: number): void {
  if (nowMs >= validFromDate.getTime() && nowMs <= validToDate.getTime()) return;
  const now = new Date(nowMs).toISOString();
  const early = nowMs < validFromDate.getTime();
  throw new FlotillaError(
    "not-authenticated",
    early
      ? `the certificate of the machine at ${text} is not yet valid: it begins ${validFromDate.toISOString()}, here it is ${now}`
      : `the certificate of the machine at ${text} has expired: it ended ${validToDate.toISOString()}, here it is ${now}`,
    { hint: "one of the two clocks is wrong; set it, best by NTP, and try again" },
  );
}

function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(":", "").toLowerCase();
}

type NetworkEndpoint = Extract<Endpoint, { readonly kind: "http" }>;

interface Shown {
  readonly chain: readonly X509Certificate[];
  readonly localAddress: string;
}

/** The certificates that are shown there, the machine's own first; none of them is believed yet. */
function shownChain({ url, text }: NetworkEndpoint): Promise<Shown> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = process.getBuiltinModule("node:tls").connect({
      host,
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      timeout: CONNECT_MS,
    });
    socket.once("secureConnect", () => {
      resolve({ chain: chainOf(socket), localAddress: (socket.localAddress ?? "").replace(/^::ffff:/, "") });
      socket.destroy();
    });
    socket.once("timeout", () => socket.destroy(new Error(`no answer within ${CONNECT_MS / 1000} s`)));
    socket.once("error", (error: Error) => reject(noMachine(text, error)));
    // A server that hangs up in the middle says nothing of why.
    socket.once("close", () => reject(noMachine(text, new Error("the connection was closed"))));
  });
}

function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one = socket.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate) {
    if (chain.some(({ raw }) => one?.raw.equals(raw))) break;
    chain.push(one);
  }
  return chain;
}

function anotherCluster(text: string, chain: readonly X509Certificate[]): FlotillaError {
  const shown = chain.at(-1);
  return new FlotillaError("not-authenticated", `the machine at ${text} is not of the token's cluster`, {
    causes: [
      shown === undefined
        ? "it shows no certificate"
        : `it shows the authority ${shown.subject.replaceAll("\n", ", ")}, SHA-256 ${fingerprintOf(shown)}`,
    ],
    hint: "the token was not sent; take one made in the cluster to be joined, or the address of one of its machines",
  });
}

function noMachine(text: string, error: Error): FlotillaError {
  const code = "code" in error ? String(error.code) : "";
  const isTls = code.startsWith("ERR_SSL") || code === "EPROTO" || code === "ECONNRESET";
  return new FlotillaError(
    "unreachable",
    isTls || code === "" ? `no Flotilla with certificates answers at ${text}` : `nothing answers at ${text}`,
    {
      causes: [causeOf(error)],
      hint: "give the address of a machine of the cluster, with its API's port where that is not 7400; its daemon must run",
      retryable: true,
      cause: error,
    },
  );
}
