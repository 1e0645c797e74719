/** Finds the route of a request in the table. Pure. */
import type { Route } from "./route.ts";

export interface FoundRoute {
  readonly route: Route;
  /** Parameters of the path, by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** A path without parameters goes before one with, so that /v1/units/watch is no unit. HEAD is answered as GET is. */
export function createRouter(
  routes: readonly Route[],
): (method: string, path: string) => FoundRoute | undefined {
  const fixed = new Map<string, Route>();
  const open: { readonly route: Route; readonly segments: readonly string[] }[] = [];
  for (const route of routes) {
    if (route.path.includes("{")) open.push({ route, segments: route.path.split("/") });
    else fixed.set(`${route.method} ${route.path}`, route);
  }
  return (asked, path) => {
    const method = asked === "HEAD" ? "get" : asked.toLowerCase();
    const route = fixed.get(`${method} ${path}`);
    if (route !== undefined) return { route, params: {} };
    const segments = path.split("/");
    for (const candidate of open) {
      const params = candidate.route.method === method ? match(candidate.segments, segments) : undefined;
      if (params !== undefined) return { route: candidate.route, params };
    }
    return undefined;
  };
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: [name: string, value: string][] = [];
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (!expected.startsWith("{")) {
      if (expected !== segment) return undefined;
      continue;
    }
    const value = decode(segment);
    if (value === undefined || value === "") return undefined;
    params.push([expected.slice(1, -1), value]);
  }
  return Object.fromEntries(params);
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
