/** Ends this process as kill -9 does, right behind one of its effects: a file made or removed, a message sent. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";

const OF_FILES = [
  "mkdirSync",
  "renameSync",
  "rmSync",
  "rmdirSync",
  "unlinkSync",
  "writeFileSync",
  "writeSync",
] as const;

/** The process is gone when it has had so many effects, beginning with 1. */
export function cutBehind(effects: number): void {
  let left = effects;
  const count = (): void => {
    left--;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  };
  for (const name of OF_FILES) wrap(fs, name, count);
  // All that has been imported from the module by name is changed as well.
  syncBuiltinESMExports();
  // What is written before there is a connection is kept until there is one, and comes by here again.
  wrap(Socket.prototype, "_writeGeneric", (self) => {
    if (self instanceof Socket && !self.connecting) count();
  });
}

function wrap(owner: object, name: string, done: (self: unknown) => void): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new TypeError(`there is no ${name} to cut behind`);
  const wrapped = new Proxy(original, {
    apply: (target, self, args) => {
      const result: unknown = Reflect.apply(target, self, args);
      done(self);
      return result;
    },
  });
  Reflect.set(owner, name, wrapped);
}
