import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toBytes } from "#store/keys.ts";
import { M1, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand } from "./terminal.ts";

let cluster: TestCluster;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start();
  ({ unix: endpoint } = await cluster.serve());
  await cluster.addMachine(M1, "m1");
});
afterEach(() => cluster.close());

function run(line: string): Promise<Ran> {
  return runCommand(line, { endpoint });
}

describe("machine", () => {
  test("is cordoned by name and by prefix, and its metadata set and taken away", async () => {
    expect((await run("machine cordon m1")).stdout).toContain("m1: cordoned");
    expect((await run("list-machines")).stdout).toContain("CORDONED");
    expect((await run("machine uncordon 1111")).stdout).toContain("m1: uncordoned");
    expect((await run("machine metadata m1 disk=ssd zone=a")).stdout).toBe("disk=ssd\nzone=a\n");
    expect((await run("machine metadata m1 disk-")).stdout).toBe("zone=a\n");
    expect((await run("machine metadata m1 nonsense")).exit).toBe(2);
  });

  test.each([
    ["machine uncordon m1", "m1: was not cordoned\n"],
    ["machine undrain m1", "m1: was not drained\n"],
    ["machine metadata m1 zone=z", "zone=z\n"],
    ["machine metadata m1", "zone=z\n"],
  ])("that is as %s asks already is told so, and nothing is written", async (line, told) => {
    await run("machine metadata m1 zone=z");
    const revision = async (): Promise<bigint> =>
      (await cluster.store.range({ key: toBytes("any") })).header.revision;
    const before = await revision();
    expect(await run(line)).toEqual({ exit: 0, stdout: told, stderr: "" });
    expect(await revision()).toBe(before);
  });

  test("says what else keeps units away, and gives programs the machine", async () => {
    await run("machine cordon m1");
    expect((await run("machine cordon m1")).stdout).toBe("m1: was cordoned already\n");
    expect((await run("machine drain --no-block m1")).stdout).toContain("m1: draining");
    expect((await run("machine undrain m1")).stdout).toBe(
      "m1: not drained any more: it is cordoned still; flotilla machine uncordon m1\n",
    );
    expect(JSON.parse((await run("machine uncordon m1 -o json")).stdout)).toMatchObject({
      machine: { name: "m1", cordoned: false, drain: null },
      changed: true,
    });
  });
});
