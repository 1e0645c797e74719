/** Finding out whose cluster answers at an address, by the fingerprint that came with a token. */
import { createHash, X509Certificate } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { describeUnreachable } from "./failure.ts";

const ANSWER_MS = 10_000;

/**
 * The authority of the cluster's machines, as PEM: what the machine at the endpoint shows, if it has the fingerprint.
 * Nothing is sent that is a secret.
 * @param endpoint `https://HOST:PORT`
 * @param fingerprint SHA-256 of the certificate, in hex
 * @throws FlotillaError `unreachable`, or `not-authenticated` for a cluster that has another fingerprint
 */
export async function fetchAuthority(
  endpoint: string,
  fingerprint: string,
  signal?: AbortSignal,
): Promise<string> {
  const parsed = parseEndpoint(endpoint);
  const chain = await fetchChain(parsed, signal).catch((error: Error) => {
    throw describeUnreachable(parsed, error);
  });
  const authority = chain.find((raw) => createHash("sha256").update(raw).digest("hex") === fingerprint);
  if (authority === undefined) throw anotherCluster(parsed);
  return new X509Certificate(authority).toString();
}

/** What the other side shows, its own certificate first; nothing of it is believed yet. */
function fetchChain(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<readonly Buffer[]> {
  if (endpoint.kind !== "http") throw new FlotillaError("usage", `${endpoint.text} speaks no TLS`);
  const { hostname, port } = endpoint.url;
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = process
      .getBuiltinModule("node:tls")
      .connect({ host, port: Number(port || 443), rejectUnauthorized: false, minVersion: "TLSv1.2" });
    const stop = (): unknown => socket.destroy(new Error("it was interrupted"));
    signal?.addEventListener("abort", stop, { once: true });
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("no answer came in time")));
    socket.once("error", reject);
    socket.once("close", () => signal?.removeEventListener("abort", stop));
    socket.once("secureConnect", () => {
      resolve(chainOf(socket.getPeerX509Certificate()));
      socket.destroy();
    });
  });
}

function chainOf(first: X509Certificate | undefined): readonly Buffer[] {
  const chain: Buffer[] = [];
  for (let one = first; one !== undefined && chain.length < 8; one = one.issuerCertificate)
    chain.push(one.raw);
  return chain;
}

function anotherCluster(endpoint: Endpoint): FlotillaError {
  return new FlotillaError(
    "not-authenticated",
    `another cluster than the token's answers at ${endpoint.text}`,
    {
      causes: ["it shows no certificate with the fingerprint in the token"],
      hint: "is the address right? If it is, somebody may be in between; nothing secret was sent",
    },
  );
}
