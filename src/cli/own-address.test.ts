import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { Options } from "./command.ts";
import { addressesForOthers, givenAddress } from "./own-address.ts";

const none = (): undefined => undefined;

describe("addresses that others may reach a machine by", () => {
  test("are neither its own loopback's nor those of one wire", () => {
    const all = ["127.0.0.1", "10.0.0.1", "169.254.7.1", "fe80::1", "febf::1", "2001:db8::1", "fd00::1"];
    const addresses = all.map((address) => ({ address, internal: address.startsWith("127.") }));
    expect(addressesForOthers(addresses).map(({ address }) => address)).toEqual([
      "10.0.0.1",
      "2001:db8::1",
      "fd00::1",
    ]);
  });
});

describe("the address that is given", () => {
  test("by --address goes before the daemon's setting, and neither is needed", () => {
    const options = new Options({ address: "127.0.0.2", start: true });
    expect(givenAddress({ options }, () => "127.0.0.3")).toBe("127.0.0.2");
    expect(givenAddress({ options: new Options({}) }, () => "127.0.0.3")).toBe("127.0.0.3");
    expect(givenAddress({ options: new Options({}) }, none)).toBeUndefined();
  });

  test.each(["0.0.0.0", "::", "m1", "192.0.2.77"])(
    "as %s is refused with those that there are",
    (address) => {
      const options = new Options({ address, start: true });
      const infos = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
      const named = addressesForOthers(infos)[0]?.address ?? "on no network";
      const causes = [expect.stringContaining(named)];
      expect(() => givenAddress({ options }, none)).toThrow(
        expect.objectContaining({ code: "usage", causes }),
      );
      expect(() => givenAddress({ options }, none)).toThrow(
        expect.objectContaining({ causes: [expect.not.stringContaining("fe80")] }),
      );
    },
  );

  test("for a machine that is only prepared may be one that it gets later", () => {
    const options = new Options({ address: "192.0.2.77", start: false });
    expect(givenAddress({ options }, none)).toBe("192.0.2.77");
  });
});
