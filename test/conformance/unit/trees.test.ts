/**
 * Golden folders of unit files: each file in trees/ is a search path, its directories' files one after the other, and
 * at the end what a unit is made of. The notation:
 *
 *     --- /etc/web.service            a file, its text below; the directory of the search path is the first part
 *     --- /etc/www.service -> TARGET  a symbolic link
 *     --- expect
 *     web.service Service.ExecStart = ["/bin/b"]    all values of a key that count, by unit
 *     web.service load = masked                     or not-found, or loaded
 *     www.service id = web.service
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mergeDropIns } from "#unit/drop-ins.ts";
import { type DirectoryEntry, findUnitParts, type UnitDirectory } from "#unit/search-path.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { assignedValues } from "./assigned.ts";

const DIRECTORY = new URL("trees/", import.meta.url);

interface Tree {
  readonly directories: readonly UnitDirectory[];
  readonly texts: ReadonlyMap<string, string>;
  readonly expected: readonly string[];
}

function parseTree(source: string): Tree {
  const directories = new Map<string, Map<string, DirectoryEntry>>();
  const texts = new Map<string, string>();
  let expected: readonly string[] = [];
  for (const part of source.split(/^--- /m).slice(1)) {
    const end = part.indexOf("\n");
    const [path = "", target] = part.slice(0, end).split(" -> ");
    const text = part.slice(end + 1);
    if (path === "expect") expected = text.split("\n").filter((line) => line !== "");
    else {
      const [, directory = "", file = ""] = /^(\/[^/]+)\/(.*)$/.exec(path) ?? [];
      const files = directories.get(directory) ?? new Map<string, DirectoryEntry>();
      directories.set(directory, files.set(file, target === undefined ? {} : { target }));
      texts.set(path, text);
    }
  }
  return { directories: [...directories].map(([path, files]) => ({ path, files })), texts, expected };
}

/** What is said of a unit, in the notation of expectations. */
function answer(unit: string, about: string, { directories, texts }: Tree): string {
  const { id, fragment, dropIns, dependencies } = findUnitParts(unit, directories);
  if (about === "id") return id;
  if (fragment === undefined) return "not-found";
  const read = (path: string) => ({ path, text: texts.get(path) ?? "" });
  const main = fragment === "masked" ? { path: id, text: "" } : read(fragment);
  if (main.text === "") return "masked";
  if (about === "load") return "loaded";
  const linked = dependencies.map(({ key, units }) => ({
    path: key,
    text: `[Unit]\n${key}=${units.join(" ")}\n`,
  }));
  const { text } = mergeDropIns(main, [...dropIns.map(read).filter((part) => part.text !== ""), ...linked]);
  const [section = "", key = ""] = about.split(".");
  return JSON.stringify(assignedValues(parseUnitFile(text), section, key));
}

test.each(readdirSync(DIRECTORY))("%s", (name) => {
  const tree = parseTree(readFileSync(new URL(name, DIRECTORY), "utf8"));
  expect(tree.expected.length).toBeGreaterThan(0);
  for (const line of tree.expected) {
    const [, unit = "", about = "", wanted = ""] = /^(\S+) (\S+) = (.*)$/.exec(line) ?? [];
    expect(answer(unit, about, tree), line).toBe(wanted);
  }
});
