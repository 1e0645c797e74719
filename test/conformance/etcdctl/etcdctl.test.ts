/**
 * Debian's etcdctl on the embedded store and on a real etcd: the same command lines, compared field by field. Each
 * script has a store and an etcd of its own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isInstalled } from "../../contract/store-subjects.ts";
import { knownDifferences } from "./known-differences.ts";
import { runScript } from "./runner.ts";
import { parseScript } from "./script.ts";
import { startEmbedded, startReal } from "./targets.ts";

const folder = join(import.meta.dirname, "scripts");
const scripts = readdirSync(folder).map((name) => ({
  name,
  steps: parseScript(readFileSync(join(folder, name), "utf8")),
}));
const commands = scripts.flatMap(({ steps }) => steps).filter(({ kind }) => kind !== "end");

describe.runIf(isInstalled("etcdctl") && isInstalled("etcd"))("etcdctl", () => {
  test("there are at least 300 commands", () => {
    expect(commands.length).toBeGreaterThanOrEqual(300);
  });

  test.concurrent.for(scripts)(
    "$name has the same outcome on both",
    { timeout: 400_000 },
    async ({ name, steps }) => {
      const [ours, theirs] = await Promise.all([startEmbedded(), startReal()]);
      try {
        const [mine, real] = await Promise.all([
          runScript(steps, ours.endpoint),
          runScript(steps, theirs.endpoint),
        ]);
        const differ = mine.filter(
          ({ line, outcome }, at) =>
            JSON.stringify(outcome) !== JSON.stringify(real[at]?.outcome) &&
            !knownDifferences.has(`${name}: ${line}`),
        );
        const lines = new Set(differ.map(({ line }) => line));
        expect(differ).toEqual(real.filter(({ line }) => lines.has(line)));
      } finally {
        await Promise.all([ours.stop(), theirs.stop()]);
      }
    },
  );
});
