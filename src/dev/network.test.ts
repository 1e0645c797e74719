import { describe, expect, test } from "vitest";
import { planLayout } from "./layout.ts";
import { freeSubnet, networkCommands, withinNetwork } from "./network.ts";

const request = { id: "a1b2c3", directory: "/d", machines: 2, environment: {}, cgroups: true };
const layout = planLayout({ ...request, net: { kind: "own", subnet: "10.77.5" } });
const sharing = planLayout({ ...request, net: { kind: "shared", ports: [1, 2, 3] } });

describe("the network's commands", () => {
  test("make the bridge before the cables that are plugged into it", () => {
    const lines = networkCommands(layout).map((command) => command.join(" "));
    expect(lines[0]).toBe("ip link add flo-a1b2c3 type bridge");
    expect(lines.filter((line) => line.includes("veth"))).toEqual([
      "ip link add flo-a1b2c3-1 type veth peer name eth0 netns flotilla-a1b2c3-m1",
      "ip link add flo-a1b2c3-2 type veth peer name eth0 netns flotilla-a1b2c3-m2",
    ]);
    expect(lines).toContain("ip -n flotilla-a1b2c3-m2 address add 10.77.5.12/24 dev eth0");
  });

  test("are none where the machines share the computer's network", () => {
    expect(networkCommands(sharing)).toEqual([]);
  });
});

test("a machine with its own network runs its programs within it, by nsenter so that /sys stays", () => {
  expect(layout.machines.map((machine) => withinNetwork(machine, ["x"])[1])).toEqual([
    "--net=/run/netns/flotilla-a1b2c3-m1",
    "--net=/run/netns/flotilla-a1b2c3-m2",
  ]);
  expect(sharing.machines.map((machine) => withinNetwork(machine, ["x"]))).toEqual([["x"], ["x"]]);
});

describe("the subnet", () => {
  const using = (...addresses: readonly string[]): NonNullable<Parameters<typeof freeSubnet>[1]> => ({
    eth0: addresses.map((address) => ({
      address,
      netmask: "255.255.255.0",
      family: "IPv4" as const,
      mac: "",
      internal: false,
      cidr: null,
    })),
  });

  test("follows from the ID, so that a cluster keeps its addresses", () => {
    expect(freeSubnet("000005", using())).toBe("10.77.5");
    expect(freeSubnet("000105", using())).toBe("10.77.5");
  });

  test("is the next one when another cluster has it", () => {
    expect(freeSubnet("000005", using("10.77.5.1", "10.77.6.1"))).toBe("10.77.7");
    expect(freeSubnet("0000ff", using("10.77.255.1"))).toBe("10.77.0");
  });

  test("is refused when none is left", () => {
    const all = Array.from({ length: 256 }, (_, index) => `10.77.${index}.1`);
    expect(() => freeSubnet("000005", using(...all))).toThrow("no network");
  });
});
