import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readValue } from "../../test/unit/read-value.ts";
import {
  addressPrefixes,
  bindRule,
  bpfProgram,
  busName,
  interfaceList,
  isInterfaceName,
} from "./network-values.ts";

describe("addresses and their prefixes", () => {
  test.each([
    "any",
    "localhost",
    "link-local",
    "multicast",
    "10.0.0.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::1",
    "fe80::/64",
    "::/128",
  ])("%s is one", (word) => {
    expect(readValue(addressPrefixes, word)).toEqual({ value: [word], warnings: [] });
  });

  test.each(["10.0.0", "10.0.0.0/33", "10.0.0.0/08", "::/129", "10.0.0.0/", "nowhere", "/8"])(
    "%s is none and left out",
    (word) => {
      expect(readValue(addressPrefixes, `any ${word}`)).toEqual({
        value: ["any"],
        warnings: [`Address prefix is invalid, ignoring assignment: ${word}`],
      });
    },
  );

  test("every prefix of an address is taken, and no longer one", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(64), (address, length) => {
        const word = `${address}/${length}`;
        expect(readValue(addressPrefixes, word).value).toEqual(length <= 32 ? [word] : []);
      }),
    );
  });
});

describe("names of interfaces", () => {
  test.each(["lo", "eth0", "wlp2s0.17", "a-b_c", "exactly15chars_"])("%s is one", (name) => {
    expect(isInterfaceName(name)).toBe(true);
  });

  test.each([
    ["", "empty"],
    [".", "a directory"],
    ["..", "a directory"],
    ["all", "stands for all of them"],
    ["default", "stands for all of them"],
    ["7", "an index"],
    ["007", "digits alone"],
    ["sixteen_chars_xx", "too long"],
    ["a b", "with a blank"],
    ["a:1", "an alias"],
    ["a/b", "with a slash"],
    ["a%b", "with a per cent sign"],
    ["ä", "not ASCII"],
  ])("%j is none: %s", (name) => {
    expect(isInterfaceName(name)).toBe(false);
  });

  test("a list can be of all the others", () => {
    expect(readValue(interfaceList, "eth0 lo").value).toEqual({ inverted: false, names: ["eth0", "lo"] });
    expect(readValue(interfaceList, "~eth0").value).toEqual({ inverted: true, names: ["eth0"] });
  });

  test("a word that is no name is left out", () => {
    expect(readValue(interfaceList, "eth0 a/b")).toEqual({
      value: { inverted: false, names: ["eth0"] },
      warnings: ["Invalid interface name, ignoring: a/b"],
    });
  });
});

describe("ports that may be bound", () => {
  test.each([
    "any",
    "80",
    "80-90",
    "tcp",
    "udp:any",
    "tcp:1000-2000",
    "ipv4",
    "ipv6:udp",
    "ipv4:tcp:80",
    "ipv6:1-65535",
  ])("%s", (rule) => {
    expect(readValue(bindRule, rule).value).toBe(rule);
  });

  test.each(["", "0", "65536", "90-80", "tcp:udp", "udp:ipv4", "ipv4:tcp:80:x", "-80", "any-any"])(
    "%j is no rule",
    (rule) => {
      expect(readValue(bindRule, rule, "SocketBindAllow").value).toBe(
        `warning: Unable to parse SocketBindAllow= assignment, ignoring: ${rule}`,
      );
    },
  );
});

test.each([
  ["egress:/sys/fs/bpf/program", { attach: "egress", path: "/sys/fs/bpf/program" }],
  ["connect4:/run/%i", { attach: "connect4", path: "/run/1" }],
  ["egress", "warning: Invalid syntax in BPFProgram=, ignoring: egress"],
  ["sideways:/p", "warning: Unknown BPF attach type=sideways, ignoring: sideways:/p"],
  ["egress:/%z", "warning: Failed to resolve unit specifiers in '/%z', ignoring: egress:/%z"],
])("a BPF program written %s is %j", (text, expected) => {
  expect(readValue(bpfProgram, text, "BPFProgram").value).toEqual(expected);
});

test.each(["org.example.Web", "a.b", "_a.-b", ":1.42"])("%s is a D-Bus name", (name) => {
  expect(readValue(busName, name).value).toBe(name);
});

test.each(["web", "", ".a.b", "a..b", "a.1b", "a.b.", "org.example/web", `a.${"b".repeat(254)}`])(
  "%j is no D-Bus name",
  (name) => {
    expect(readValue(busName, name).value).toBe(`warning: Invalid bus name, ignoring: ${name}`);
  },
);
