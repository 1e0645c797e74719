/** Real files to start from: the golden unit files, the examples, and what this machine's own packages installed. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

const FOLDERS = [
  join(ROOT, "test", "conformance", "unit", "files"),
  join(ROOT, "examples"),
  "/usr/lib/systemd/system",
  "/etc/default",
];

/** Longer ones make slow inputs and no others. */
const LONGEST = 3000;

export function readCorpus(): readonly string[] {
  return FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(folder, entry.name), "utf8").slice(0, LONGEST)),
  );
}
