/** The agent loads the template of a socket with Accept=yes that its machine has, wherever it comes from. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { away, Bench, OTHER_TEXT, TEXT } from "../../test/agent/bench.ts";
import { hashOf } from "./unit-files.ts";

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.cluster();
  await bench.file(TEXT);
});
afterEach(async () => {
  await bench.stop();
  await bench.memoryStore.close();
});

describe("the template of a socket with Accept=yes", () => {
  const SOCKET = "[Socket]\nListenStream=1\nAccept=yes\n";
  const loads = (): readonly string[] => bench.trace.filter((what) => what !== "save");
  let socket: string;

  beforeEach(async () => {
    socket = await bench.file(SOCKET);
    await bench.submit("echo@.service", hashOf(TEXT));
  });

  test("is loaded before the socket, and remembered", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    expect(loads()).toEqual(["load echo@.service", "load echo.socket", "start echo.socket"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": hashOf(TEXT) });
    expect([...bench.files.keys()].sort()).toEqual([socket, hashOf(TEXT)].sort());
  });

  test("is there again when the machine comes up without the store", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.stop();
    await bench.hardware.supervisor().unload(["echo.socket"]);
    bench.trace.length = 0;
    await bench.start(away(bench.clock));
    await bench.pass(4_000);
    expect(loads()).toEqual(["load echo@.service", "load echo.socket", "start echo.socket"]);
  });

  test("is not waited for where nobody has submitted one, and loaded when somebody does", async () => {
    await bench.destroy("echo@.service");
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    expect(loads()).toEqual(["load echo.socket", "start echo.socket"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": null });
    await bench.submit("echo@.service", hashOf(TEXT));
    expect(loads().at(-1)).toBe("load echo@.service");
  });

  test("is loaded anew when it is replaced; the socket is left alone", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    bench.trace.length = 0;
    await bench.submit("echo@.service", await bench.file(OTHER_TEXT));
    expect(loads()).toEqual(["load echo@.service"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": hashOf(OTHER_TEXT) });
  });

  test("keeps only its socket waiting while its file is missing, which the state says", async () => {
    await bench.submit("echo@.service", hashOf(OTHER_TEXT));
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect((await bench.state("echo.socket"))?.message).toBe(
      `cannot read the unit file of echo@.service: the store has no unit file ${hashOf(OTHER_TEXT).slice(0, 7)}`,
    );
    await bench.file(OTHER_TEXT);
    await bench.pass(2_000);
    expect(bench.hardware.running()).toEqual(["a.service", "echo.socket"]);
    expect((await bench.state("echo.socket"))?.message).toBe(undefined);
  });

  test("leaves with the last socket that needs it", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.assign("echo@2.socket", { file: socket });
    bench.trace.length = 0;
    await bench.unassign("echo.socket");
    expect(loads()).toEqual(["unload echo.socket"]);
    await bench.unassign("echo@2.socket");
    expect(loads()).toEqual(["unload echo.socket", "unload echo@2.socket", "unload echo@.service"]);
    expect(bench.memory.templates).toEqual({});
    expect([...bench.files]).toEqual([]);
  });

  test("makes units that are neither taken away nor told of, and end with the socket", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    const supervisor = bench.hardware.supervisor();
    await supervisor.load([{ name: "echo@0-1.service", file: hashOf(TEXT), text: TEXT }]);
    await supervisor.start("echo@0-1.service");
    await bench.pass(2_000);
    expect(bench.hardware.running()).toEqual(["echo.socket", "echo@0-1.service"]);
    expect(await bench.state("echo@0-1.service")).toBe(undefined);
    await bench.unassign("echo.socket");
    expect(bench.hardware.running()).toEqual([]);
  });
});
