/** An etcd of its own for the time in which it is filled: on the loopback, with the data of the member to be. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { FlotillaError } from "#base/errors.ts";

const SAID_CHARACTERS = 4_000;

export interface Seed {
  /** Where it is filled by. */
  readonly endpoint: string;
  /** Ends it in order: all that it was given is on the disk. */
  stop(): Promise<void>;
}

export interface SeedOptions {
  readonly program: string;
  readonly name: string;
  readonly directory: string;
  /** By which the member will be known. */
  readonly peerUrl: string;
}

/** @throws FlotillaError `unsupported` with etcd's own words when it does not start. */
export async function startSeed({ program, name, directory, peerUrl }: SeedOptions): Promise<Seed> {
  const [client = 0, peer = 0] = await freePorts(2);
  const endpoint = `http://127.0.0.1:${client}`;
  const args = [
    `--name=${name}`,
    `--data-dir=${directory}`,
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${name}=${peerUrl}`,
  ];
  const etcd = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(etcd, "exit");
  const stop = async (): Promise<void> => {
    etcd.kill("SIGTERM");
    await ended;
  };
  try {
    await readiness(etcd.stderr);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, stop };
}

/** Goes on reading afterwards, so that etcd never blocks on its log. */
function readiness(log: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    log.on("data", (piece: Buffer) => {
      said = (said + piece.toString()).slice(-SAID_CHARACTERS);
      if (said.includes("ready to serve client requests")) resolve();
    });
    log.on("end", () => {
      const causes = said.trim().split("\n").slice(-3);
      reject(new FlotillaError("unsupported", "etcd does not start", { causes }));
    });
  });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
