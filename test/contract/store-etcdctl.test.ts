/** Debian's etcdctl on the embedded store, beside a real etcd: the same commands must have the same outcome. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { serveStore } from "#store/server/server.ts";
import { startEtcd } from "./store-etcd.ts";
import { isInstalled } from "./store-subjects.ts";

interface Outcome {
  readonly status: number;
  readonly output: string;
}

interface Target {
  readonly endpoint: string;
  stop(): Promise<void>;
}

async function startEmbedded(): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });
  const server = await serveStore({ store, host: "127.0.0.1", port: 0 });
  const stop = async (): Promise<void> => {
    await server.close();
    await store.close();
    await rm(directory, { recursive: true });
  };
  return { endpoint: `127.0.0.1:${server.address.port}`, stop };
}

async function etcdctl(endpoint: string, args: readonly string[], input = ""): Promise<Outcome> {
  const environment = { ...process.env, ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: endpoint };
  const child = spawn("etcdctl", args, { env: environment, timeout: 20_000 });
  child.stdin.end(input);
  // Apart, because how the two interleave is chance.
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status: child.exitCode ?? -1, output: withoutIdentity(output + errors) };
}

/** Every store has its own IDs, leases too; and etcdctl logs its own retries with times and addresses. */
function withoutIdentity(output: string): string {
  return output
    .split("\n")
    .filter((line) => !line.startsWith('{"level":'))
    .join("\n")
    .replace(/"(cluster_id|member_id|raft_term|ID|id|ClusterID|MemberID)" ?: ?\d+/g, '"$1": 0')
    .replace(/\b[0-9a-f]{15,16}\b/g, "LEASE")
    .replace(/remaining\(\d+s\)/g, "remaining")
    .replace(/"ttl":\d+/g, '"ttl":0');
}

/** In order; `LEASE` stands for the lease granted last. */
const COMMANDS: readonly (string | { readonly args: string; readonly input: string })[] = [
  "put a 1",
  "put a 2 --prev-kv -w json",
  "put b 3 -w json",
  "put a/b 4",
  "get a",
  "get a -w json",
  "get a -w fields",
  "get a --prefix --keys-only",
  "get a --prefix --limit=1 -w fields",
  "get a c --limit=1 -w json",
  "get --from-key a --sort-by=modify --order=descend -w json",
  "get a --rev=2",
  "get a --rev=1",
  "get a --rev=9999",
  "put c 5 --ignore-value",
  "put nokey --ignore-value",
  "put c 5 --lease=123",
  "del b --prev-kv -w json",
  "del nothing -w json",
  { args: "txn", input: 'value("a") = "2"\n\nput x 1\nget a\n\nput y 1\n\n' },
  { args: "txn -w json", input: 'mod("a") > "100"\n\nput x 1\n\nget x\ndel x\n\n' },
  { args: "txn", input: 'create("z") = "0"\n\nput z 1\nput z 2\n\n\n' },
  "watch a --rev=2 --prev-kv",
  "lease grant 100",
  "put leased 1 --lease=LEASE",
  "lease list",
  "lease timetolive LEASE --keys",
  "lease timetolive LEASE -w json",
  "lease keep-alive LEASE --once",
  "lease revoke LEASE",
  "get leased -w json",
  "lease revoke LEASE",
  "lease timetolive LEASE",
  "compaction 4",
  "compaction 4",
  "get a --rev=2",
  "watch a --rev=2",
  "get a --prefix -w json",
  "lock name echo held",
  "get --from-key a -w simple",
];

describe.runIf(isInstalled("etcdctl") && isInstalled("etcd"))("etcdctl", () => {
  let targets: readonly Target[] = [];
  beforeAll(async () => {
    targets = await Promise.all([startEmbedded(), startEtcd()]);
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  /** Runs all commands on one target and returns each with its outcome. */
  async function runAll({ endpoint }: Target): Promise<(readonly [string, Outcome])[]> {
    const outcomes: (readonly [string, Outcome])[] = [];
    let lease = "";
    for (const command of COMMANDS) {
      const { args, input } = typeof command === "string" ? { args: command, input: "" } : command;
      const words = args.replace("LEASE", lease).split(" ");
      if (words[0] === "watch") {
        outcomes.push([args, await firstLines(endpoint, words)]);
        continue;
      }
      if (args.startsWith("lease grant")) lease = await grantedLease(endpoint, words);
      else outcomes.push([args, await etcdctl(endpoint, words, input)]);
    }
    return outcomes;
  }

  async function grantedLease(endpoint: string, words: readonly string[]): Promise<string> {
    const child = spawn("etcdctl", [...words, `--endpoints=${endpoint}`], { timeout: 20_000 });
    let output = "";
    child.stdout.on("data", (piece: Buffer) => {
      output += piece.toString();
    });
    await once(child, "close");
    return output.split(" ")[1] ?? "";
  }

  /** A watch goes on for ever: it is ended after what it has to say of the past. */
  async function firstLines(endpoint: string, words: readonly string[]): Promise<Outcome> {
    const child = spawn("etcdctl", [...words, `--endpoints=${endpoint}`], { timeout: 20_000 });
    let output = "";
    const collect = (piece: Buffer): void => {
      output += piece.toString();
      if (output.split("\n").length > 8) child.kill("SIGKILL");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    await once(child, "close");
    return { status: 0, output: withoutIdentity(output) };
  }

  test(`${COMMANDS.length} etcdctl commands have the same outcome as on a real etcd`, async () => {
    const [ours = [], theirs = []] = await Promise.all(targets.map(runAll));
    expect(ours).toEqual(theirs);
    expect(ours.filter(([, { status }]) => status === 0).length).toBeGreaterThan(25);
  });

  test("etcdctl sees a healthy member that leads itself", async () => {
    const [ours] = targets;
    const endpoint = ours?.endpoint ?? "";
    const health = await etcdctl(endpoint, ["endpoint", "health"]);
    expect(health.output).toContain("is healthy");
    const status = await etcdctl(endpoint, ["endpoint", "status", "-w", "json"]);
    expect(JSON.parse(status.output)).toMatchObject([{ Status: { version: "3.4.23" } }]);
    const members = await etcdctl(endpoint, ["member", "list", "-w", "simple"]);
    expect(members.output).toContain(`started, flotilla, , http://${endpoint}, false`);
    const unknown = await etcdctl(endpoint, ["auth", "enable"]);
    expect(unknown.status).not.toBe(0);
  });
});
