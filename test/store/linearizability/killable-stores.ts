/** Stores in processes of their own, which can be killed and started again where they were. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, startEtcd } from "../../contract/store-etcd.ts";
import { isInstalled } from "../../contract/store-subjects.ts";

export interface KillableStore {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface KillableKind {
  readonly name: string;
  start(): Promise<KillableStore>;
}

const embedded: KillableKind = {
  name: "embedded",
  start: async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const [port = 0] = await freePorts(1);
    let running = await serve(directory, port);
    const kill = async (): Promise<void> => {
      running.server.kill("SIGKILL");
      await running.exited;
    };
    const restart = async (): Promise<void> => {
      running = await serve(directory, port);
    };
    const stop = async (): Promise<void> => {
      await kill();
      await rm(directory, { recursive: true });
    };
    return { port, kill, restart, stop };
  },
};

async function serve(directory: string, port: number) {
  const script = join(import.meta.dirname, "serve-store.ts");
  const server = spawn(process.execPath, [script, directory, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  await Promise.race([once(server.stdout, "data"), exited.then(() => Promise.reject(new Error("no store")))]);
  return { server, exited };
}

const etcd: KillableKind = {
  name: "etcd",
  start: async () => {
    const { endpoint, ...control } = await startEtcd();
    return { ...control, port: Number(new URL(endpoint).port) };
  },
};

export const killableStores: readonly KillableKind[] = [embedded, ...(isInstalled("etcd") ? [etcd] : [])];
