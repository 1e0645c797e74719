import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileOf, readUnitList } from "./unit-list.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-units-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return join(folder, "cluster.json");
}

test.each([
  ["web@1.service", "web@.service"],
  ["web@a-b.service", "web@.service"],
  ["web@.service", "web@.service"],
  ["web.service", "web.service"],
  ["snapshot.timer", "snapshot.timer"],
])("the file of %s is %s", (unit, file) => {
  expect(fileOf(unit)).toBe(file);
});

test("instances take their template's text, and the template itself is submitted once", async () => {
  const list = await readUnitList(
    await put({
      "cluster.json": '{"load":["b.service"],"start":["web@1.service","web@2.service"]}',
      "web@.service": "the template",
      "b.service": "b",
    }),
  );
  expect(list).toEqual({
    submit: [{ unit: "web@.service", text: "the template" }],
    load: [{ unit: "b.service", text: "b" }],
    start: [
      { unit: "web@1.service", text: "the template" },
      { unit: "web@2.service", text: "the template" },
    ],
  });
});

test("what is only to be known is submitted, and each text is what the given reader makes of the file", async () => {
  const path = await put({ "cluster.json": '{"submit":["echo@.service"],"load":["b.service"]}' });
  const list = await readUnitList(path, async (file) => `text of ${basename(file)}`);
  expect(list).toEqual({
    submit: [{ unit: "echo@.service", text: "text of echo@.service" }],
    load: [{ unit: "b.service", text: "text of b.service" }],
    start: [],
  });
});

test.each([
  ["a file that is missing", '{"start":["gone.service"]}', "gone.service"],
  ["a key that it does not have", '{"strat":[]}', "cluster.json"],
  ["what is no JSON", "start: web", "cluster.json"],
])("a list with %s is refused by name", async (_, text, named) => {
  await expect(readUnitList(await put({ "cluster.json": text }))).rejects.toThrow(named);
});
