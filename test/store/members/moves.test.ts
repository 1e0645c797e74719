/** The store backed up, moved to an etcd of the user's own, and brought back from a backup of that. */
import { execFileSync } from "node:child_process";
import { access, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../../cluster/cluster.ts";
import { launch, rowsOf, running } from "../../cluster/units.ts";
import { type EtcdProcess, startEtcd } from "../../contract/store-etcd.ts";
import { untilStatus } from "./waits.ts";

const UNITS = ["a.service", "b.service"];
const PATIENCE_MS = 60_000;
const PASSWORD = "a-word-nobody-says";

let cluster: Cluster;
let etcd: EtcdProcess;

beforeAll(async () => {
  etcd = await startEtcd();
  cluster = await Cluster.start({ machines: 2, leaseTtlS: 5, network: "shared" });
}, PATIENCE_MS);
afterAll(async () => {
  await cluster.stop();
  await etcd.stop();
}, PATIENCE_MS);

function file(name: string): string {
  return join(cluster.directory, name);
}

/** The files below the cluster's directory in which the password stands and that others may read. */
async function openWithPassword(): Promise<readonly string[]> {
  const entries = await readdir(cluster.directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const found = await Promise.all(
    paths.map(async (path) => {
      const isSecret = (await readFile(path).catch(() => Buffer.alloc(0))).includes(PASSWORD);
      return isSecret && ((await stat(path)).mode & 0o077) !== 0 ? [path] : [];
    }),
  );
  return found.flat();
}

describe("a backup", () => {
  test("is a file of etcd's own, which is not overwritten unasked", async () => {
    await cluster.flotilla(["kv", "put", "app/key", "embedded"]);
    expect(await cluster.flotilla(["store", "backup", file("one.db")], "m2")).toMatchObject({ exitCode: 0 });
    await access(file("one.db"));
    const again = await cluster.flotilla(["store", "backup", file("one.db")]);
    expect(again.exitCode).toBe(9);
    expect(again.stderr).toContain("--force replaces it");
  });

  test("is not restored under a daemon that works, nor from what is none", async () => {
    const { directory } = cluster.machine("m1");
    const busy = await cluster.flotilla(["store", "restore", file("one.db"), "--dir", directory, "--force"]);
    expect(busy.stderr).toContain("error[state-dir-in-use]");
    const fresh = ["--dir", file("fresh")];
    const none = await cluster.flotilla(["store", "restore", file("cluster.json"), ...fresh]);
    expect(none.stderr).toContain("error[store-corrupt]");
    expect((await cluster.flotilla(["store", "restore", file("one.db"), ...fresh])).exitCode).toBe(0);
    const twice = await cluster.flotilla(["store", "restore", file("one.db"), ...fresh]);
    expect(twice.stderr).toContain("there is a store in");
  });
});

describe("an etcd of the user's own", () => {
  test("is refused where it is none", async () => {
    const { exitCode, stderr } = await cluster.flotilla([
      "store",
      "use",
      "etcd",
      "--endpoints",
      "http://127.0.0.1:1",
    ]);
    expect(exitCode).toBe(8);
    expect(stderr).toContain("no etcd with a quorum answers");
  });

  test("is not told a password among a command's arguments, nor a wrong one's text", async () => {
    for (const [key, ...args] of [
      ["user", "add", `root:${PASSWORD}`],
      ["auth", "enable"],
    ])
      execFileSync("etcdctl", ["--endpoints", etcd.endpoint, key ?? "", ...args], { stdio: "pipe" });
    const use = ["store", "use", "etcd", "--endpoints", etcd.endpoint, "--user"];
    const inline = await cluster.flotilla([...use, `root:${PASSWORD}`]);
    expect(inline.stderr).toContain("hint: --user root --password-file FILE");
    await writeFile(file("wrong"), "no-such-word");
    const wrong = await cluster.flotilla([...use, "root", "--password-file", file("wrong")]);
    expect(wrong.stderr).toContain("error[not-permitted]: that etcd does not let this user in");
    for (const { stdout, stderr } of [inline, wrong]) {
      expect(stdout + stderr).not.toContain(PASSWORD);
      expect(stdout + stderr).not.toContain("no-such-word");
    }
  });

  test("becomes the store while units run on, also for a machine that comes late", {
    timeout: PATIENCE_MS,
  }, async () => {
    await launch(cluster, UNITS);
    await cluster.host.kill("m2");
    const before = running((await rowsOf(cluster, UNITS)).filter(({ machineName }) => machineName === "m1"));
    await writeFile(file("password"), `${PASSWORD}\n`, { mode: 0o600 });
    const user = ["--user", "root", "--password-file", file("password")];
    const moved = await cluster.flotilla(["store", "use", "etcd", "--endpoints", etcd.endpoint, ...user]);
    expect(moved).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("done: ") });
    await cluster.host.restart("m2");
    await cluster.joined(["m1", "m2"], "m2");
    const { kind, access: reach } = await untilStatus(cluster, (status) => status.kind === "etcd", "m2");
    expect([kind, ...reach.endpoints]).toEqual(["etcd", etcd.endpoint]);
    expect((await cluster.flotilla(["kv", "get", "app/key"], "m2")).stdout).toBe("embedded");
    const after = running(await rowsOf(cluster, UNITS));
    for (const [unit, pid] of before) expect(after.get(unit)).toBe(pid);
  });

  test("has its user named and the password shown nowhere, and kept where only the daemon reads it", async () => {
    const json = await cluster.flotilla(["store", "status", "-o", "json"]);
    expect(json.stdout).toContain('"user": "root"');
    const others = await Promise.all([cluster.flotilla(["store", "status"]), cluster.flotilla(["events"])]);
    for (const { stdout, stderr } of [json, ...others]) expect(stdout + stderr).not.toContain(PASSWORD);
    expect(await readFile(join(cluster.machine("m2").directory, "store.json"), "utf8")).toContain(PASSWORD);
    expect(await openWithPassword()).toEqual([]);
  });

  test("is left again by way of a backup", { timeout: PATIENCE_MS }, async () => {
    await cluster.flotilla(["kv", "put", "app/key", "etcd"]);
    expect(await cluster.flotilla(["store", "backup", file("two.db")])).toMatchObject({ exitCode: 0 });
    await cluster.host.kill("m1");
    const { directory } = cluster.machine("m1");
    const argv = ["store", "restore", file("two.db"), "--dir", directory];
    expect((await cluster.flotilla(argv)).exitCode).toBe(9);
    expect(await cluster.flotilla([...argv, "--force"])).toMatchObject({ exitCode: 0 });
    await cluster.host.restart("m1");
    expect((await cluster.flotilla(["kv", "get", "app/key"])).stdout).toBe("etcd");
    expect((await cluster.client("m1").store()).kind).toBe("embedded");
  });
});
