/** Golden environment files: a comment `# expect NAME = JSON` says what the file assigns; it assigns nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseEnvironmentFile } from "#unit/environment.ts";

const DIRECTORY = new URL("environment/", import.meta.url);

test.each(readdirSync(DIRECTORY))("%s", (name) => {
  const text = readFileSync(new URL(name, DIRECTORY), "utf8");
  const expected = [...text.matchAll(/^ *# expect (\w+) = (.*)$/gm)].map(
    ([, variable = "", json = ""]): [string, unknown] => [variable, JSON.parse(json)],
  );
  expect(Object.fromEntries(parseEnvironmentFile(text))).toEqual(Object.fromEntries(expected));
});
