/** Debian's etcd on a free loopback port and a directory of its own, for comparing the store with the real one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface EtcdProcess {
  readonly endpoint: string;
  /** As a crash ends it; what it has written stays. */
  kill(): Promise<void>;
  /** Starts it again where it was killed. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface EtcdOptions {
  /** A file that `etcdctl snapshot restore` makes the etcd's data of. */
  readonly snapshot?: string;
  /** Makes its data directory, which is not there yet, for the member `one` that others reach at `peerUrl`. */
  readonly prepare?: (directory: string, peerUrl: string) => Promise<void>;
  /** The command that runs it as its last arguments, as `nsenter`; absent: it is run here. */
  readonly within?: readonly string[];
  /** Further arguments; with a certificate among them it speaks TLS. */
  readonly args?: readonly string[];
}

export async function startEtcd({
  snapshot,
  prepare = snapshot === undefined
    ? undefined
    : (directory, peerUrl) => restore(snapshot, directory, peerUrl),
  within = [],
  args = [],
}: EtcdOptions = {}): Promise<EtcdProcess> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-etcd-"));
  const [clientPort, peerPort] = await freePorts(2);
  const scheme = args.includes("--cert-file") ? "https" : "http";
  const client = `${scheme}://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  if (prepare !== undefined) {
    await rm(directory, { recursive: true });
    await prepare(directory, peer);
  }
  const argv = [
    ...within,
    "etcd",
    ...["--data-dir", directory, "--name", "one", "--initial-cluster", `one=${peer}`],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...args,
  ];
  let running = await run(argv);
  const kill = async (): Promise<void> => {
    running.etcd.kill("SIGKILL");
    await running.exited;
  };
  return {
    endpoint: client,
    kill,
    restart: async () => {
      running = await run(argv);
    },
    stop: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function run(argv: readonly string[]) {
  const [program = "", ...args] = argv;
  const etcd = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(etcd, "exit");
  await readiness(etcd.stderr);
  return { etcd, exited };
}

async function restore(snapshot: string, directory: string, peer: string): Promise<void> {
  const member = ["--name", "one", "--initial-cluster", `one=${peer}`, "--initial-advertise-peer-urls", peer];
  const args = ["snapshot", "restore", snapshot, "--data-dir", directory, ...member];
  const child = spawn("etcdctl", args, { env: { ...process.env, ETCDCTL_API: "3" }, stdio: "ignore" });
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`etcdctl could not restore ${snapshot}`);
}

/** Goes on reading afterwards, so that etcd never blocks on its log. */
function readiness(log: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    log.on("data", (piece: Buffer) => {
      text = (text + piece.toString()).slice(-10_000);
      if (text.includes("ready to serve client requests")) resolve();
    });
    log.on("end", () => reject(new Error(`etcd did not start: ${text}`)));
  });
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
