/**
 * Golden unit files: each file in files/ says in comments what is to be found in it. `expected.ts` has the notation.
 * The messages were taken from systemd 252 where they are systemd's.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findKey } from "#unit/keys.ts";
import { readDependencies } from "#unit/read-dependencies.ts";
import { readPlacement } from "#unit/read-placement.ts";
import { readService } from "#unit/read-service.ts";
import { readTimer } from "#unit/read-timer.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { verifyUnit } from "#unit/verify.ts";
import { type ExpectedValue, expectations } from "./expected.ts";

const DIRECTORY = new URL("files/", import.meta.url);

/** What a reader makes of the file. */
function readingOf(reader: ExpectedValue["reader"], name: string, text: string): unknown {
  const file = parseUnitFile(text, name);
  const context = specifierContext(name);
  if (reader === "service") return readService(file, context).settings;
  if (reader === "timer") return readTimer(file, context).settings;
  return reader === "placement" ? readPlacement(file, name).placement : readDependencies(file, context);
}

/** What the key table's grammar makes of the assignment in a line. */
function readingOfLine(name: string, text: string, line: number): unknown {
  const entry = parseUnitFile(text, name).entries.find((one) => one.line === line);
  if (entry === undefined) return undefined;
  const context = { key: entry.key, specifiers: specifierContext(name), warn: () => undefined };
  return findKey(entry.section, entry.key)?.value.parse(entry.value, context);
}

/** The value at a path such as `execStart.0.argv`. */
function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, key) => {
    return typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined;
  }, value);
}

test.each(readdirSync(DIRECTORY))("%s holds what its comments say", (name) => {
  const text = readFileSync(new URL(name, DIRECTORY), "utf8");
  const { problems, values, readings } = expectations(text);
  const found = verifyUnit(name, text).map(({ severity, place, message }) => ({
    severity,
    line: place.line,
    message,
  }));
  expect(found).toEqual(problems);
  for (const { reader, path, json } of values) {
    expect(JSON.stringify(valueAt(readingOf(reader, name, text), path)), `${reader} ${path}`).toBe(json);
  }
  for (const { line, json } of readings) {
    expect(JSON.stringify(readingOfLine(name, text, line)), `line ${line}`).toBe(json);
  }
  expect(parseUnitFile(text).print()).toBe(text);
});
