/** The four things that must behave as one: each opens an empty store and knows how to end it. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore } from "#store/etcd/client.ts";
import { createMemoryStore } from "#store/memory.ts";
import { serveStore } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import { startEtcd } from "./store-etcd.ts";

export interface OpenSubject {
  readonly store: Store;
  close(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  /** The shortest lease it grants, in seconds. */
  readonly leaseMinS: number;
  open(): Promise<OpenSubject>;
}

const system = { clock: systemClock, random: systemRandom };

const memory: Subject = {
  name: "memory",
  leaseMinS: 1,
  open: async () => {
    const store = createMemoryStore(system);
    return { store, close: () => store.close() };
  },
};

const embedded: Subject = {
  name: "embedded",
  leaseMinS: 1,
  open: async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const store = await openEmbeddedStore({ ...system, directory });
    const close = async (): Promise<void> => {
      await store.close();
      await rm(directory, { recursive: true });
    };
    return { store, close };
  },
};

const overGrpc: Subject = {
  name: "embedded over gRPC",
  leaseMinS: 2,
  open: async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const local = await openEmbeddedStore({ ...system, directory });
    const server = await serveStore({ store: local, host: "127.0.0.1", port: 0 });
    const store = connectStore({ ...system, endpoints: [`127.0.0.1:${server.address.port}`] });
    const close = async (): Promise<void> => {
      await store.close();
      await server.close();
      await local.close();
      await rm(directory, { recursive: true });
    };
    return { store, close };
  },
};

const etcd: Subject = {
  name: "etcd",
  leaseMinS: 2,
  open: async () => {
    const process = await startEtcd();
    const store = connectStore({ ...system, endpoints: [process.endpoint] });
    const close = async (): Promise<void> => {
      await store.close();
      await process.stop();
    };
    return { store, close };
  },
};

/** Real etcd and its tools are compared with wherever they are installed. */
export function isInstalled(command: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, command)));
}

export const subjects: readonly Subject[] = [
  memory,
  embedded,
  overGrpc,
  ...(isInstalled("etcd") ? [etcd] : []),
];
