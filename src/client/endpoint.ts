/** Where an API listens: `unix:PATH`, `http://HOST:PORT` or `https://HOST:PORT`. */
import { FlotillaError } from "#base/errors.ts";

export const DEFAULT_ENDPOINT = "unix:/run/flotilla/flotilla.sock";

export type Endpoint =
  | { readonly kind: "unix"; readonly path: string; readonly text: string }
  | { readonly kind: "http"; readonly url: URL; readonly text: string };

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
