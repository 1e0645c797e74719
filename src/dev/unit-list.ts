/**
 * A list of units to bring a new cluster up with: a JSON file beside the unit files it names.
 * `submit` are only made known, as the template that a socket makes services from; `load` are handed to a machine for
 * something there to start them, a timer or a target; `start` are started.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import type { SubmitRequest, UnitResult } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";

const listSchema = z.strictObject({
  submit: z.array(z.string()).default([]),
  load: z.array(z.string()).default([]),
  start: z.array(z.string()).default([]),
});

type SubmitUnit = SubmitRequest["units"][number];

export interface UnitList {
  /** What is only made known: units named so, and the templates of instances. */
  readonly submit: readonly SubmitUnit[];
  readonly load: readonly SubmitUnit[];
  readonly start: readonly SubmitUnit[];
}

/** The text of a unit file, by its path. */
export type ReadUnit = (path: string) => Promise<string>;

/** Reads the list and every file it names. @throws FlotillaError `bad-config` when one is missing or of a wrong shape. */
export async function readUnitList(path: string, readUnit: ReadUnit = read): Promise<UnitList> {
  const parsed = listSchema.safeParse(parseJson(await read(path)));
  if (!parsed.success) throw badList(path, parsed.error.issues.map((issue) => issue.message).join("; "));
  const folder = dirname(path);
  const { submit, load, start } = parsed.data;
  const templates = [...load, ...start].map(fileOf).filter((file) => file.includes("@."));
  const readAll = (units: readonly string[]) =>
    Promise.all(units.map(async (unit) => ({ unit, text: await readUnit(join(folder, fileOf(unit))) })));
  return {
    submit: await readAll([...new Set([...submit, ...templates])]),
    load: await readAll(load),
    start: await readAll(start),
  };
}

/** `web@.service` for `web@1.service`, and the name itself for what is no instance. */
export function fileOf(unit: string): string {
  return unit.replace(/@.*(?=\.[a-z]+$)/, "@");
}

async function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw badList(path, error instanceof Error ? error.message : String(error));
  });
}

/** Undefined, which no list is, for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function badList(path: string, what: string): FlotillaError {
  return new FlotillaError("bad-config", `cannot take units from ${path}: ${what}`);
}

/**
 * Submits all of the list and asks for what it says. Files that have changed since the cluster was last up are replaced.
 * @throws FlotillaError the first refusal.
 */
export async function submitUnitList(client: FlotillaClient, list: UnitList): Promise<void> {
  const submit = async (units: readonly SubmitUnit[], desired?: "loaded" | "launched"): Promise<void> => {
    if (units.length === 0) return;
    const request = { units: [...units], replace: true, ...(desired === undefined ? {} : { desired }) };
    checkResults(await client.submit(request));
  };
  await submit(list.submit);
  await submit(list.load, "loaded");
  await submit(list.start, "launched");
}

function checkResults(results: readonly UnitResult[]): void {
  const refused = results.find((result) => result.error !== null);
  if (refused?.error == null) return;
  const { code, message, causes, hint } = refused.error;
  throw new FlotillaError("bad-unit-file", `${refused.unit} was refused (${code}): ${message}`, {
    causes,
    ...(hint === undefined ? {} : { hint }),
  });
}
