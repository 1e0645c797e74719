/**
 * What the single executable runs first: loads the program, with V8's cache of its compiled code, from inside the file.
 *
 * Node could run the program itself, but would compile anew what every command needs: its cache has only what runs at
 * load. Measured for `list-units`: 8 ms.
 */
import { getRawAsset } from "node:sea";
import { Script } from "node:vm";
import type { DaemonStart } from "./program.ts";

declare const DAEMON_START: DaemonStart;

const { options, environment } = DAEMON_START;
const [self = "", command, ...rest] = process.argv.slice(1);
const isDaemon = command === "daemon";

// What the daemon's memory depends on can be chosen only as a process begins: so it begins anew, in the same process.
if (isDaemon && !process.execArgv.includes(options.split(" ")[0] ?? "")) {
  process.execve?.(process.execPath, [self, `--node-options=${options}`, command, ...rest], {
    ...process.env,
    ...environment,
  });
}

// With other options the cache would not be taken.
const cachedData = isDaemon ? undefined : Buffer.from(getRawAsset("program.cache"));
const text = Buffer.from(getRawAsset("program.js")).toString("latin1");
const program: unknown = new Script(text, { filename: "flotilla.js", cachedData }).runInThisContext();
if (typeof program === "function") Reflect.apply(program, undefined, [require]);
