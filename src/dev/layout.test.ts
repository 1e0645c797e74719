import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  daemonArguments,
  environmentLines,
  type LayoutRequest,
  layoutSchema,
  MAX_MACHINES,
  machineNamed,
  planLayout,
  storeUrl,
} from "./layout.ts";

const shared: LayoutRequest = {
  id: "a1b2c3",
  directory: "/var/dev",
  machines: 3,
  environment: { EXAMPLES: "/somewhere/examples" },
  cgroups: false,
  net: { kind: "shared", ports: [4000, 4001, 4002, 4010, 4011, 4012, 4020, 4021, 4022] },
};
const own: LayoutRequest = { ...shared, cgroups: true, net: { kind: "own", subnet: "10.77.5" } };

describe("a layout", () => {
  test("on the computer's own network tells machines apart by their ports", () => {
    const { machines, network } = planLayout(shared);
    expect(network).toBeNull();
    expect(
      machines.map(({ name, apiPort, storePort, memberPorts }) => [name, apiPort, storePort, memberPorts]),
    ).toEqual([
      ["m1", 4002, 4000, { client: 4000, peer: 4001 }],
      ["m2", 4012, null, { client: 4010, peer: 4011 }],
      ["m3", 4022, null, { client: 4020, peer: 4021 }],
    ]);
  });

  test("with a network of its own tells machines apart by their addresses and uses the usual ports", () => {
    const { machines, network } = planLayout(own);
    expect(network).toEqual({ bridge: "flo-a1b2c3", gateway: "10.77.5.1" });
    expect(machines.map(({ address, apiPort, storePort }) => [address, apiPort, storePort])).toEqual([
      ["10.77.5.11", 7400, 2379],
      ["10.77.5.12", 7400, null],
      ["10.77.5.13", 7400, null],
    ]);
  });

  test("gives the machines metadata that examples can ask for", () => {
    expect(planLayout(own).machines.map((machine) => machine.metadata)).toEqual([
      { disk: "ssd", zone: "a" },
      { disk: "ssd", zone: "b" },
      { disk: "hdd", zone: "a" },
    ]);
  });

  test("uses cgroups only where they are asked for", () => {
    expect(planLayout(own).machines[1]?.cgroup).toBe("flotilla-a1b2c3-m2");
    expect(planLayout(shared).machines[1]?.cgroup).toBeNull();
  });

  test.each([0, -1, 1.5, Number.NaN, MAX_MACHINES + 1])("refuses %d machines", (machines) => {
    expect(() => planLayout({ ...own, machines })).toThrow("1 to 50 machines");
  });

  test("refuses a directory in which sockets would have too long a path", () => {
    expect(() => planLayout({ ...own, directory: `/${"x".repeat(60)}` })).toThrow("too long for the sockets");
  });

  test("of any size names nothing twice, keeps to the kernel's 15 characters for links, and reads back as written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_MACHINES }), (machines) => {
        const layout = planLayout({ ...own, machines });
        const names = layout.machines.flatMap(({ name, address, wire }) => [
          name,
          address,
          wire?.namespace,
          wire?.link,
        ]);
        expect(new Set(names).size).toBe(names.length);
        for (const { wire } of layout.machines) expect(wire?.link.length).toBeLessThanOrEqual(15);
        expect(layoutSchema.parse(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
      }),
    );
  });
});

describe("a daemon's arguments", () => {
  test("make the first machine hold the store and the others find it", () => {
    const layout = planLayout(own);
    const [first, second] = layout.machines.map((machine) => daemonArguments(layout, machine).join(" "));
    expect(first).toContain("--store-port 2379");
    expect(first).not.toContain("--store http");
    expect(second).toContain("--store http://10.77.5.11:2379");
    expect(storeUrl(layout)).toBe("http://10.77.5.11:2379");
  });

  test("say that there are no cgroups rather than leave the daemon to its default", () => {
    const layout = planLayout(shared);
    const arguments_ = layout.machines.map((machine) => daemonArguments(layout, machine).join(" "));
    expect(arguments_.every((line) => line.includes("--cgroup none"))).toBe(true);
  });
});

test("a machine that is not there is refused with the names of those that are", () => {
  const layout = planLayout(own);
  expect(machineNamed(layout, "m3").address).toBe("10.77.5.13");
  expect(() => machineNamed(layout, "m4")).toThrow('no machine "m4"');
});

test("the environment points both flotilla and etcdctl at the first machine", () => {
  expect(environmentLines(planLayout(own))).toEqual([
    "export FLOTILLA_ENDPOINT=unix:/var/dev/m1/run/flotilla.sock",
    "export ETCDCTL_ENDPOINTS=http://10.77.5.11:2379",
    "export ETCDCTL_API=3",
  ]);
});
