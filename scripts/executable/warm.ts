/** Runs a command of the bundled program, and at its end writes V8's cache of the code that was compiled for it. */
import { readFileSync, writeFileSync } from "node:fs";
import { Script } from "node:vm";

const [path = "", cache = "", ...command] = process.argv.slice(2);
process.argv.splice(2, process.argv.length, ...command);
const script = new Script(readFileSync(path, "latin1"), { filename: "flotilla.js" });
process.on("exit", () => writeFileSync(cache, script.createCachedData()));
const program: unknown = script.runInThisContext();
if (typeof program === "function") Reflect.apply(program, undefined, [require, { exports: {} }]);
