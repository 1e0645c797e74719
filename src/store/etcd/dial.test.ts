import { describe, expect, test } from "vitest";
import { parseEndpoint } from "./dial.ts";

const tls = { caFile: "ca.pem" };

describe("an endpoint", () => {
  test.each([
    ["a host and a port", "db-1:2379", undefined, { isSecure: false, host: "db-1", port: 2379 }],
    ["a URL", "http://10.0.0.1:4001", undefined, { isSecure: false, host: "10.0.0.1", port: 4001 }],
    [
      "a URL with a slash",
      "http://10.0.0.1:4001/",
      undefined,
      { isSecure: false, host: "10.0.0.1", port: 4001 },
    ],
    ["no port, which means etcd's", "db-1", undefined, { isSecure: false, host: "db-1", port: 2379 }],
    [
      "the port that its scheme has anyway",
      "http://db-1:80",
      undefined,
      { isSecure: false, host: "db-1", port: 80 },
    ],
    ["an IPv6 address", "http://[::1]:2379", undefined, { isSecure: false, host: "::1", port: 2379 }],
    [
      "no scheme, where certificates are given",
      "db-1:2379",
      tls,
      { isSecure: true, host: "db-1", port: 2379 },
    ],
    [
      "https, without certificates of its own",
      "https://db-1:443",
      undefined,
      { isSecure: true, host: "db-1", port: 443 },
    ],
    [
      "http, though certificates are given",
      "http://db-1:2379",
      tls,
      { isSecure: false, host: "db-1", port: 2379 },
    ],
  ])("may be %s", (_, text, files, expected) => {
    expect(parseEndpoint(text, files)).toEqual(expected);
  });

  test.each(["", "http://", "a b:1", "host:99999"])("cannot be %j", (text) => {
    expect(() => parseEndpoint(text, undefined)).toThrow(TypeError);
  });
});
