/**
 * Runs typical commands of the bundled program, and at their end writes V8's cache of the code that was compiled for them.
 * They ask a daemon that is none: it has one answer to each of their requests.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Script } from "node:vm";
import type { UnitChange, UnitList, UnitResults, UnitRow } from "#api/bodies.ts";

const [path = "", cache = "", folder = ""] = process.argv.slice(2);
const socket = join(folder, "warm.sock");
const unit = "warm.service";
const unitFile = join(folder, unit);

const COMMANDS = [["list-units"], ["start", unitFile]];

const ROW: UnitRow = {
  ...{ unit, machine: "0".repeat(32), machineName: "m1", load: "loaded", active: "active", sub: "running" },
  ...{
    result: "success",
    hash: "0".repeat(64),
    desired: "launched",
    global: false,
    launch: 1,
    stateLaunch: 1,
  },
  ...{ reason: null, sinceMs: 0, message: null, mainPid: 1, exitCode: null, exitSignal: null, restarts: 0 },
  ...{ finishedMs: null, unplaced: null },
};
const LIST: UnitList = { units: [ROW] };
const RESULTS: UnitResults = {
  results: [
    { unit, status: "changed", desired: "launched", launch: 1, hash: ROW.hash, warnings: [], error: null },
  ],
};
const CHANGE: UnitChange = { names: [unit], units: [ROW] };

function answerTo(method: string | undefined, target = ""): string {
  if (target.startsWith("/v1/units/watch"))
    return `event: snapshot\nid: 1\ndata: ${JSON.stringify(CHANGE)}\n\n`;
  return JSON.stringify(method === "POST" ? RESULTS : LIST);
}

const daemon = createServer(({ method, url }, response) => response.end(answerTo(method, url)));
process.on("exit", () => writeFileSync(cache, script.createCachedData()));
writeFileSync(unitFile, "[Service]\nExecStart=/bin/true\n");
const script = new Script(readFileSync(path, "latin1"), { filename: "flotilla.js" });
const program: unknown = script.runInThisContext();
daemon.listen(socket, () => {
  daemon.unref();
  // The program takes its arguments as it begins.
  for (const command of COMMANDS) {
    process.argv.splice(2, process.argv.length, ...command, "--endpoint", `unix:${socket}`);
    if (typeof program === "function") Reflect.apply(program, undefined, [require, { exports: {} }]);
  }
});
