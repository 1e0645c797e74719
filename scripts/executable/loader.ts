/**
 * What the single executable runs first: loads the program from inside the file. Like the bundle of a checkout it is two:
 * one script for most commands, and chunks for what runs for long, which keeps the text of what it has loaded.
 *
 * Node could run the script itself, but would compile anew what every command needs: its cache has only what runs at
 * load. Measured for `list-units`: 8 ms.
 */
import { getRawAsset } from "node:sea";
import { Script } from "node:vm";
import type { DaemonStart } from "./program.ts";

declare const DAEMON_START: DaemonStart;

type Require = (name: string) => unknown;

interface Module {
  readonly exports: object;
}

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

const loaded = new Map<string, Module>();

/** Of a chunk or a package of its own, which is loaded when it is first asked for, or of Node. */
function requireChunk(name: string): unknown {
  if (!name.startsWith("./")) return require(name);
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  run(name.slice("./".length), requireChunk, module);
  return module.exports;
}

/** Each script is wrapped into a function; see program.ts. */
function run(name: string, requireFrom: Require, module: Module, cachedData?: Buffer): void {
  const text = Buffer.from(getRawAsset(name)).toString("latin1");
  const wrapped: unknown = new Script(text, { filename: name, cachedData }).runInThisContext();
  if (typeof wrapped === "function") Reflect.apply(wrapped, undefined, [requireFrom, module]);
}

if ([command, ...rest].some((word) => word === "daemon" || word === "dev")) requireChunk("./flotilla.js");
else run("program.js", requireChunk, { exports: {} }, Buffer.from(getRawAsset("program.cache")));
