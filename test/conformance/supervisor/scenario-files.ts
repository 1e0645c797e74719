/** The files a scenario brings along, on the disk where its units find them. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseScenario, type Scenario } from "./scenario.ts";

const ROOT = join(import.meta.dirname, "scenarios");
const SUFFIX = ".scenario";

/** Every scenario of the tree, by name. */
export function readScenarios(): readonly Scenario[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(SUFFIX),
  );
  return files.sort().map((file) => {
    const path = join(ROOT, file);
    return parseScenario(relative(ROOT, path).slice(0, -SUFFIX.length), readFileSync(path, "utf8"));
  });
}

/** `@DIR@` becomes the scenario's directory. */
export function expandDirectory(text: string, directory: string): string {
  return text.replaceAll("@DIR@", directory);
}

/** Makes the scenario's directory `at` and its programs in it; units see it as `seenAs`. */
export function writePrograms(scenario: Scenario, at: string, seenAs: string): void {
  mkdirSync(at, { recursive: true });
  chmodSync(at, 0o777);
  for (const { name, text } of scenario.programs) {
    const path = join(at, name);
    writeFileSync(path, expandDirectory(text, seenAs));
    chmodSync(path, 0o755);
  }
}
