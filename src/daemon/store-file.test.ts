import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadStoreChoice, removeStoreChoice, type StoreChoice, saveStoreChoice } from "./store-file.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-store-file-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const choice: StoreChoice = {
  format: 1,
  access: { endpoints: ["https://a:1"], tls: { caFile: "/ca" }, user: { name: "u", password: "p" } },
  handover: { unit: "flotilla-etcd@m1.service", record: "{}" },
};

test("what was chosen is found again, until it is taken back", async () => {
  expect(await loadStoreChoice(directory)).toBeUndefined();
  await saveStoreChoice(directory, choice);
  expect(await loadStoreChoice(directory)).toEqual(choice);
  await removeStoreChoice(directory);
  expect(await loadStoreChoice(directory)).toBeUndefined();
});

test.each(["", "{", '{"format":2}', '{"format":1,"access":{"endpoints":[]}}'])(
  "a file with %j is refused, since guessing could open the wrong store",
  async (text) => {
    await writeFile(join(directory, "store.json"), text);
    await expect(loadStoreChoice(directory)).rejects.toMatchObject({ code: "bad-config" });
    expect(await readFile(join(directory, "store.json"), "utf8")).toBe(text);
  },
);
