import { describe, expect, test } from "vitest";
import { isSupported, parseEtcdVersion } from "./etcd-program.ts";
import { type MemberUnit, memberUnitText, unitName } from "./etcd-unit.ts";
import { parseGauges } from "./gauges.ts";

const unit: MemberUnit = {
  machine: "0".repeat(32),
  name: "m2",
  program: "/usr/bin/etcd",
  directory: "/var/lib/flotilla/etcd/1",
  clientUrl: "http://10.0.0.2:7401",
  peerUrl: "http://10.0.0.2:7402",
  tls: undefined,
  quotaBytes: 1_000_000,
  historyMs: 300_000,
  cluster: ["m1=http://10.0.0.1:7402", "m2=http://10.0.0.2:7402"],
};

describe("the unit of a member", () => {
  test("that joins others is bound to its machine and knows them", () => {
    const lines = memberUnitText(unit, true).split("\n");
    expect(unitName("m2")).toBe("flotilla-etcd@m2.service");
    expect(lines).toContain("MachineID=00000000000000000000000000000000");
    expect(lines).toContain("  --initial-cluster=m1=http://10.0.0.1:7402,m2=http://10.0.0.2:7402 \\");
    expect(lines).toContain("  --initial-cluster-state=existing \\");
    expect(lines).toContain("  --auto-compaction-retention=300s \\");
    expect(lines.filter((line) => line.startsWith("Condition"))).toEqual([]);
  });

  test("that takes over cannot start before its data is there", () => {
    const lines = memberUnitText(unit, false).split("\n");
    expect(lines).toContain("ConditionPathExists=/var/lib/flotilla/etcd/1/member");
    expect(lines).toContain("  --initial-cluster-state=new \\");
  });

  test("asks clients and other members for certificates where there are any", () => {
    const tls = { certFile: "/c.pem", keyFile: "/k.pem", caFile: "/ca.pem" };
    const text = memberUnitText({ ...unit, tls }, true);
    for (const option of [
      "cert-file=/c.pem",
      "key-file=/k.pem",
      "trusted-ca-file=/ca.pem",
      "client-cert-auth",
    ]) {
      expect(text).toContain(`--${option}`);
      expect(text).toContain(`--peer-${option}`);
    }
    expect(text).not.toContain("crl-file");
  });

  test("refuses both by the list of removed machines, where there is one", () => {
    const tls = { certFile: "/c.pem", keyFile: "/k.pem", caFile: "/ca.pem", crlFile: "/r.crl" };
    const lines = memberUnitText({ ...unit, tls }, true).split(/ \\?\n?|\n/);
    expect(lines).toContain("--client-crl-file=/r.crl");
    expect(lines).toContain("--peer-crl-file=/r.crl");
  });
});

describe("the version of etcd", () => {
  test.each([
    ["etcd Version: 3.4.23\nGit SHA: Not provided", "3.4.23", true],
    ["etcd Version: 3.6.0-rc.1\n", "3.6.0-rc.1", true],
    ["etcd Version: 3.3.25\n", "3.3.25", false],
    ["etcd Version: 4.0.0\n", "4.0.0", true],
  ])("of %j is %s", (text, version, supported) => {
    expect(parseEtcdVersion(text)).toBe(version);
    expect(isSupported(version)).toBe(supported);
  });

  test("of another program is none", () => {
    expect(parseEtcdVersion("bash 5.2")).toBeUndefined();
  });
});

test("gauges are read where they have no labels", () => {
  const text = '# HELP a b\netcd_server_quota_backend_bytes 2.147483648e+09\nx{le="1"} 3\nbroken\n';
  expect([...parseGauges(text)]).toEqual([["etcd_server_quota_backend_bytes", 2_147_483_648]]);
});
