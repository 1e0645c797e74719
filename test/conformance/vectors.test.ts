/** How many things the conformance files say: each expectation in a golden unit file or a scenario is one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** In unit files a comment; in scenarios a line of the script that asserts. */
const EXPECTATION = /^# expect |^(show|until|file|nofile|log|await) | => /;

test("there are at least six hundred vectors", () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith(".ts"),
  );
  const lines = files.flatMap((entry) =>
    readFileSync(join(entry.parentPath, entry.name), "utf8").split("\n"),
  );
  const vectors = lines.filter((line) => EXPECTATION.test(line)).length;
  process.stdout.write(`${vectors} conformance vectors in ${files.length} files\n`);
  expect(vectors).toBeGreaterThanOrEqual(600);
});
