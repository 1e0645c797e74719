import { hostname } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import { type DaemonConfig, readConfig } from "./config.ts";
import { SETTINGS, type SettingValues } from "./settings.ts";

function read(given: SettingValues, environment: NodeJS.ProcessEnv = {}): DaemonConfig {
  return readConfig({ name: "m1", ...given }, environment);
}

function refusal(given: SettingValues): FlotillaError {
  try {
    read(given);
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("readConfig", () => {
  test("has a value for everything where nothing is said", () => {
    expect(read({})).toEqual({
      directory: "/var/lib/flotilla",
      runDirectory: "/var/lib/flotilla/run",
      socketPath: "/var/lib/flotilla/run/flotilla.sock",
      name: "m1",
      address: "127.0.0.1",
      apiPort: 7400,
      trust: undefined,
      insecure: false,
      store: { kind: "embedded", listen: { host: "127.0.0.1", port: 7401 } },
      storePorts: { client: 7401, peer: 7402 },
      storeTls: undefined,
      storeQuotaBytes: 2 * 1024 ** 3,
      storeHistoryMs: 300_000,
      backups: undefined,
      clusterName: "flotilla",
      leaseTtlS: 5,
      metadata: {},
      cpuMillis: undefined,
      memoryBytes: undefined,
      supervisor: "auto",
      unitDirectory: "/run/flotilla/units",
      cgroup: "flotilla",
      journalMaxBytes: undefined,
      journalMaxAgeMs: 90 * 24 * 3_600_000,
      onExit: "leave",
      handOverMs: 60_000,
      logLevel: "info",
    });
  });

  test("calls the machine what its host is called", () => {
    expect(readConfig({}, {}).name).toBe(hostname());
  });

  test("takes each setting from the environment, and the command line over it", () => {
    const environment = { FLOTILLA_API_PORT: "1", FLOTILLA_LEASE_TTL: "9", FLOTILLA_METADATA: "disk=ssd" };
    const { apiPort, leaseTtlS, metadata } = read({ "api-port": "2" }, environment);
    expect({ apiPort, leaseTtlS, metadata }).toEqual({ apiPort: 2, leaseTtlS: 9, metadata: { disk: "ssd" } });
  });

  test("reads how much of the journal is kept in systemd's sizes and times", () => {
    const { journalMaxBytes, journalMaxAgeMs } = read({ "journal-max-use": "1.5G", "journal-max-age": "2w" });
    expect({ journalMaxBytes, journalMaxAgeMs }).toEqual({
      journalMaxBytes: 1.5 * 2 ** 30,
      journalMaxAgeMs: 14 * 24 * 3_600_000,
    });
    expect(read({ "journal-max-age": "infinity" }).journalMaxAgeMs).toBe(Number.POSITIVE_INFINITY);
    for (const given of [
      { "journal-max-use": "much" },
      { "journal-max-use": "0" },
      { "journal-max-age": "long" },
    ]) {
      expect(refusal(given)).toMatchObject({
        code: "bad-config",
        hint: expect.stringContaining("write it as"),
      });
    }
  });

  test("puts everything under the directory it is given, unless a part is given its own", () => {
    expect(read({ dir: "/a/b" })).toMatchObject({
      directory: "/a/b",
      runDirectory: "/a/b/run",
      socketPath: "/a/b/run/flotilla.sock",
    });
    expect(read({ dir: "/a", "run-dir": "/r" }).socketPath).toBe("/r/flotilla.sock");
    expect(read({ socket: "/s" }).socketPath).toBe("/s");
  });

  test("serves its own store on its address, or goes to the stores it is told of", () => {
    expect(read({ address: "192.0.2.7", "store-port": "0" }).store).toEqual({
      kind: "embedded",
      listen: { host: "192.0.2.7", port: 0 },
    });
    expect(read({ store: "http://192.0.2.1:2379, http://192.0.2.2:2379" }).store).toEqual({
      kind: "remote",
      endpoints: ["http://192.0.2.1:2379", "http://192.0.2.2:2379"],
    });
  });

  test("reads metadata as pairs, whose values may have any text but a comma", () => {
    expect(read({ metadata: "disk=ssd, zone=a=b ,empty=," }).metadata).toEqual({
      disk: "ssd",
      zone: "a=b",
      empty: "",
    });
  });

  test("counts cores in thousandths", () => {
    expect(read({ cpus: "1.5", memory: "1073741824" })).toMatchObject({
      cpuMillis: 1_500,
      memoryBytes: 2 ** 30,
    });
  });

  test('takes "none" for no cgroup', () => {
    expect(read({ cgroup: "none" }).cgroup).toBe(undefined);
    expect(read({ cgroup: "mine" }).cgroup).toBe("mine");
  });

  test.each<[string, SettingValues]>([
    ["api-port", { "api-port": "http" }],
    ["api-port", { "api-port": "65536" }],
    ["api-port", { "api-port": "-1" }],
    ["api-port", { "api-port": "" }],
    ["api-port", { "api-port": "7400.5" }],
    ["store-port", { "store-port": "x" }],
    ["lease-ttl", { "lease-ttl": "2.5" }],
    ["memory", { memory: "0.5" }],
    ["lease-ttl", { "lease-ttl": "0" }],
    ["lease-ttl", { "lease-ttl": "2" }],
    ["lease-ttl", { "lease-ttl": "NaN" }],
    ["cpus", { cpus: "0" }],
    ["memory", { memory: "1G" }],
    ["name", { name: "" }],
    ["name", { name: "two words" }],
    ["name", { name: "-x" }],
    ["metadata", { metadata: "disk" }],
    ["metadata", { metadata: "a b=c" }],
    ["store", { store: "192.0.2.1" }],
    ["on-exit", { "on-exit": "run" }],
    ["log-level", { "log-level": "loud" }],
  ])("refuses a value that --%s cannot take, and says what it takes: %j", (name, given) => {
    const error = refusal(given);
    expect(error.code).toBe("bad-config");
    expect(error.message).toContain(`--${name}: "`);
    expect(error.hint).toBeTruthy();
  });

  test("takes any text for a setting, or refuses it by name", () => {
    const name = fc.constantFrom(...SETTINGS.map((setting) => setting.name));
    fc.assert(
      fc.property(name, fc.string(), (setting, text) => {
        try {
          read({ [setting]: text });
        } catch (error) {
          expect(error).toBeInstanceOf(FlotillaError);
          expect(error).toMatchObject({ code: "bad-config" });
        }
      }),
    );
  });
});

describe("certificates of the store", () => {
  const files = { "store-cert": "/c.pem", "store-key": "/k.pem", "store-ca": "/ca.pem" };

  test("are given all three or not at all", () => {
    expect(read(files).storeTls).toEqual({ certFile: "/c.pem", keyFile: "/k.pem", caFile: "/ca.pem" });
    const { "store-ca": _, ...two } = files;
    expect(() => read(two)).toThrow("--store-ca");
  });
});

describe("backups", () => {
  test("are made only where it is said how often", () => {
    expect(read({ "backup-every": "1h", dir: "/d" }).backups).toEqual({
      everyMs: 3_600_000,
      directory: "/d/backups",
      keep: 7,
    });
    expect(() => read({ "backup-every": "often" })).toThrow("--backup-every");
    expect(() => read({ "backup-every": "1h", "backup-keep": "0" })).toThrow("--backup-keep");
  });
});
