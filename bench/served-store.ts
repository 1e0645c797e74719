/** The embedded store in a process of its own, as etcd is, which runs on Node as a daemon does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** What a daemon's Node is started with. */
export const DAEMON_FLAGS = readDaemonFlags();

export interface ServedStore {
  /** `HOST:PORT` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** @param directory of the store, made where it is not there. */
export async function serveInProcess(directory: string): Promise<ServedStore> {
  const program = `${directory}.mjs`;
  await bundle("store-server.ts", program);
  const server = spawn(process.execPath, [...DAEMON_FLAGS, program, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(server.stdout, "data")) as [Buffer];
  return {
    endpoint: `127.0.0.1:${port.toString().trim()}`,
    stop: async () => {
      const ended = once(server, "exit");
      server.kill();
      await ended;
      await rm(program);
    },
  };
}

function readDaemonFlags(): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, "..", "bin", "daemon.env"), "utf8");
  const [, options] = /^V8_OPTIONS="(.*)"$/m.exec(text) ?? [];
  if (options === undefined) throw new Error("bin/daemon.env has no V8_OPTIONS");
  return options.split(" ");
}

/** Bundled as the daemon is, because what Node needs to strip types counts too. @param script a file of this folder. */
export async function bundle(script: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, script)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
}
