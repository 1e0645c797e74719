/** Numbers that etcd tells in its metrics only. */
import { readFileSync } from "node:fs";
import { http } from "#host/http.ts";
import type { StoreAccess } from "#model/records.ts";

/** By name, those without labels; empty when the member does not answer or has none. */
export async function readGauges(
  access: StoreAccess,
  timeoutMs: number,
): Promise<ReadonlyMap<string, number>> {
  const [url = ""] = access.endpoints;
  try {
    return parseGauges(await fetchText(new URL("/metrics", url), access, timeoutMs));
  } catch {
    return new Map();
  }
}

function fetchText(url: URL, { tls }: StoreAccess, timeoutMs: number): Promise<string> {
  const files = {
    ca: tls?.caFile === undefined ? undefined : readFileSync(tls.caFile),
    cert: tls?.certFile === undefined ? undefined : readFileSync(tls.certFile),
    key: tls?.keyFile === undefined ? undefined : readFileSync(tls.keyFile),
  };
  const get = url.protocol === "https:" ? process.getBuiltinModule("node:https").get : http.get;
  return new Promise((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(timeoutMs), ...files };
    const request = get(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += String(part)));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

/** Prometheus' text format, as far as samples without labels go. Pure. */
export function parseGauges(text: string): ReadonlyMap<string, number> {
  const samples = text.matchAll(/^([a-z_]+) ([-+0-9.eE]+)$/gm);
  return new Map([...samples].map(([, name = "", value = ""]) => [name, Number(value)]));
}
