import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAddress, encodeAddress, formatAddress, parseSocketAddress } from "./socket-address.ts";

const FACTS = { hasInet6: true, interfaceIndex: (name: string) => (name === "eth0" ? 258 : undefined) };

describe("what ListenStream= takes", () => {
  test.each([
    ["/run/web.sock", { kind: "path", path: "/run/web.sock" }],
    ["/run//./web.sock", { kind: "path", path: "/run/web.sock" }],
    ["@web", { kind: "abstract", name: "web" }],
    ["80", { kind: "any", port: 80 }],
    ["127.0.0.1:80", { kind: "inet", host: "127.0.0.1", port: 80 }],
    ["[::1]:80", { kind: "inet6", host: "::1", port: 80 }],
    ["[fe80::1]:80%eth0", { kind: "inet6", host: "fe80::1", port: 80, zone: "eth0" }],
    ["[::ffff:1.2.3.4]:80", { kind: "inet6", host: "::ffff:1.2.3.4", port: 80 }],
    ["vsock:2:80", { kind: "vsock" }],
  ])("%s", (text, address) => {
    expect(parseSocketAddress(text)).toEqual(address);
  });

  test.each([
    ["nowhere", "Invalid argument"],
    ["@", "Invalid argument"],
    ["1.2.3.4", "Invalid argument"],
    ["1.2.3.256:80", "Invalid argument"],
    ["1.2.3:80", "Invalid argument"],
    ["[::1:80", "Invalid argument"],
    ["[1::2::3]:80", "Invalid argument"],
    ["[1:2:3:4:5:6:7]:80", "Invalid argument"],
    ["[1:2:3:4:5:6:7:8:9]:80", "Invalid argument"],
    ["[12345::]:80", "Invalid argument"],
    ["0", "Invalid argument"],
    ["65536", "Numerical result out of range"],
    ["127.0.0.1:65536", "Numerical result out of range"],
    ["[::1]:0", "Numerical result out of range"],
    [`/${"x".repeat(107)}`, "Invalid argument"],
    [`@${"x".repeat(108)}`, "Invalid argument"],
    ["vsock:x", "Invalid argument"],
  ])("not %s", (text, problem) => {
    expect(parseSocketAddress(text)).toBe(problem);
  });
});

describe("the kernel's form", () => {
  const encode = (text: string, facts = FACTS): string | Error => {
    const address = parseSocketAddress(text);
    if (typeof address === "string") throw new Error(address);
    return encodeAddress(address, facts);
  };

  test.each([
    ["127.0.0.1:80", "020000507f0000010000000000000000"],
    ["[::1]:443", "0a0001bb000000000000000000000000000000000000000100000000"],
    ["[fe80::1]:443%eth0", "0a0001bb00000000fe80000000000000000000000000000102010000"],
    ["8080", "0a001f9000000000000000000000000000000000000000000000000000"],
    ["@ab", "0100006162"],
    ["/r", "01002f7200"],
  ])("of %s", (text, bytes) => {
    expect(encode(text)).toBe(bytes.slice(0, text === "8080" ? 56 : undefined));
  });

  test("of a port alone is IPv4 where there is no IPv6", () => {
    expect(encode("8080", { ...FACTS, hasInet6: false })).toBe("02001f90000000000000000000000000");
  });

  test("of an address at an interface that is not there, and of vsock, is none", () => {
    expect(encode("[fe80::1]:443%eth9")).toEqual(new Error("there is no network interface eth9"));
    expect(encode("vsock:2:80")).toBeInstanceOf(Error);
  });

  test("is read back as the address that it was made of", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), fc.integer({ min: 1, max: 65_535 }), (bytes, port) => {
        const host = bytes.join(".");
        expect(decodeAddress(String(encode(`${host}:${port}`)))).toEqual({ family: "inet", host, port });
        // An IPv4 connection to an IPv6 socket is one of IPv4.
        expect(decodeAddress(String(encode(`[::ffff:${host}]:${port}`)))).toEqual({
          family: "inet",
          host,
          port,
        });
      }),
    );
  });

  test.each(["::1", "::", "fe80::1", "2001:db8::1:0:0:1", "1:2:3:4:5:6:7:8", "1:0:2:0:3:0:4:0", "1::"])(
    "of %s is told in its shortest form",
    (host) => {
      expect(decodeAddress(String(encode(`[${host}]:80`)))).toEqual({ family: "inet6", host, port: 80 });
    },
  );

  test("of a Unix socket's other end is nameless", () => {
    expect(decodeAddress("0100")).toEqual({ family: "unix" });
    expect(decodeAddress("")).toEqual({ family: "unix" });
  });
});

test.each([
  ["/run/x", "/run/x"],
  ["@x", "@x"],
  ["80", "[::]:80"],
  ["1.2.3.4:80", "1.2.3.4:80"],
  ["[fe80::1]:80%eth0", "[fe80::1]:80%eth0"],
])("%s is shown as %s", (text, shown) => {
  const address = parseSocketAddress(text);
  expect(typeof address === "string" ? address : formatAddress(address)).toBe(shown);
});
