/** Where an API listens: `unix:PATH`, `http://HOST:PORT` or `https://HOST:PORT`. */
import { FlotillaError } from "#base/errors.ts";

export const DEFAULT_ENDPOINT = "unix:/run/flotilla/flotilla.sock";

export type Endpoint =
  | { readonly kind: "unix"; readonly path: string; readonly text: string }
  | { readonly kind: "http"; readonly url: URL; readonly text: string };

/** How a client knows the API it asks, and how it is known there; PEM and text. */
export interface Credentials {
  /** The authority of the cluster's machines; absent: those that the system trusts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** Several with commas between; they are tried in order. @throws FlotillaError `usage` */
export function parseEndpoints(text: string): readonly [Endpoint, ...Endpoint[]] {
  const [first = "", ...others] = text.split(",").map((one) => one.trim());
  return [parseEndpoint(first), ...others.map(parseEndpoint)];
}

/** @throws FlotillaError `usage` */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (path !== "") return { kind: "unix", path, text };
  }
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return { kind: "http", url: new URL(text), text };
  throw new FlotillaError("usage", `"${text}" is not an endpoint of an API`, {
    hint: "give unix:PATH, http://HOST:PORT or https://HOST:PORT",
  });
}
