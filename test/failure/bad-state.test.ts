/** What a daemon does with a directory, a port or a disk it cannot use: it says so, and harms nothing. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cluster, type CommandResult, LAUNCHER } from "../cluster/cluster.ts";
import { launch, rowsOf, running } from "../cluster/units.ts";

/** Runs a daemon that is expected to end by itself. */
async function runDaemon(directory: string, more: readonly string[] = []): Promise<CommandResult> {
  const settings = [
    "--dir",
    directory,
    "--api-port",
    "0",
    "--store-port",
    "0",
    "--cgroup",
    "none",
    "--insecure",
    ...more,
  ];
  const child = execFile(LAUNCHER, ["daemon", ...settings], {
    timeout: 20_000,
    env: { ...process.env, NO_COLOR: "1" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (part) => (stdout += String(part)));
  child.stderr?.on("data", (part) => (stderr += String(part)));
  await once(child, "close");
  return { exitCode: child.exitCode ?? -1, stdout, stderr };
}

describe("a directory that cannot be made", () => {
  test("is refused at once, with the setting that chose it", async () => {
    const { exitCode, stderr } = await runDaemon("/proc/flotilla/m1");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error\[bad-config\]: \/proc\/flotilla\/m1 cannot be a directory of the daemon/m);
    expect(stderr).toContain("hint: choose another with --dir");
  });
});

describe("a second daemon on the same directory", () => {
  let cluster: Cluster;
  afterEach(() => cluster.stop());

  test("is refused, and the first one and its units go on", async () => {
    cluster = await Cluster.start({ machines: 1, leaseTtlS: 5, network: "shared" });
    const before = running(await launch(cluster, ["steady.service"]));
    const second = await runDaemon(cluster.machine("m1").directory);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain("state-dir-in-use");
    expect(second.stderr).toContain(String(cluster.pid("m1")));
    await cluster.client("m1").health();
    expect(running(await rowsOf(cluster, ["steady.service"]))).toEqual(before);
  });
});

describe("a store's file", () => {
  let cluster: Cluster;
  let path: string;
  beforeEach(async () => {
    cluster = await Cluster.start({ machines: 1, leaseTtlS: 5, network: "shared" });
    await launch(cluster, ["steady.service"]);
    await cluster.host.kill("m1");
    path = join(cluster.machine("m1").directory, "store", "log", "0000000000000001.log");
  });
  afterEach(() => cluster.stop());

  test("that is truncated is refused by name and left as it is", async () => {
    // Within its header; behind it a file that is cut off is one that a crash has torn.
    await truncate(path, 50);
    const ended = await runDaemon(cluster.machine("m1").directory);
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain("store-corrupt");
    expect(ended.stderr).toContain(path);
    expect((await readFile(path)).length).toBe(50);
  });

  test("that a newer version wrote is refused and left as it is", async () => {
    const database = new DatabaseSync(join(cluster.machine("m1").directory, "store", "store.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    const written = await readFile(path);
    const ended = await runDaemon(cluster.machine("m1").directory);
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain("store-too-new");
    expect((await readFile(path)).equals(written)).toBe(true);
  });
});

describe("a port that somebody else listens on", () => {
  let directory: string;
  const other = createServer();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
  });
  afterEach(async () => {
    other.close();
    await rm(directory, { recursive: true, force: true });
  });

  function takenPort(): string {
    const address = other.address();
    return typeof address === "object" ? String(address?.port) : "";
  }

  test.each(["--api-port", "--store-port"])("%s is named in the error", async (setting) => {
    const ended = await runDaemon(directory, [setting, takenPort()]);
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toContain("bad-config");
    expect(ended.stderr).toContain(`127.0.0.1:${takenPort()}`);
    expect(ended.stderr).toContain("another program listens there");
  });
});

describe("a directory that is no daemon's", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test("with a damaged machine ID is refused with the file's name", async () => {
    await writeFile(join(directory, "machine-id"), "not an id\n");
    const ended = await runDaemon(directory);
    expect(ended.exitCode).not.toBe(0);
    expect(ended.stderr).toContain(join(directory, "machine-id"));
  });
});
