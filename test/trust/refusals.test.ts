/** Who does not come into a cluster, what each is told, and what is left on its disk: nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInteger } from "#base/random.ts";
import { joinDirectory } from "#daemon/join.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { readTrust } from "#trust/trust-directory.ts";
import { LAUNCHER, Machines } from "./machines.ts";

const PATIENCE_MS = 60_000;
const KILLS = 12;

let machines: Machines;
let other: Machines;
let token = "";

beforeAll(async () => {
  [machines, other] = await Promise.all([Machines.make(), Machines.make()]);
  for (const one of [machines, other]) {
    expect(await one.init("m1")).toMatchObject({ exitCode: 0 });
    await one.up("m1");
    await one.listed(["m1"]);
  }
  token = await machines.token(100);
}, PATIENCE_MS);
afterAll(() => Promise.all([machines.stop(), other.stop()]), PATIENCE_MS);

/** Joins in this process, with a clock of its own. */
function joinWith(name: string, given: { token?: string; nowMs?: number; url?: string }) {
  const { nowMs } = given;
  return joinDirectory({
    url: given.url ?? `https://${machines.address("m1")}:7400`,
    token: given.token ?? token,
    directory: machines.directory(name),
    name,
    address: machines.address(name),
    clock: nowMs === undefined ? systemClock : { ...systemClock, now: () => nowMs },
    random: systemRandom,
    signal: new AbortController().signal,
  });
}

describe("a machine does not come in", { timeout: PATIENCE_MS }, () => {
  test("with a token of another cluster, which is not sent", async () => {
    await expect(joinWith("m2", { token: await other.token() })).rejects.toThrow(
      /not of the token's cluster/,
    );
    expect(await readTrust(machines.directory("m2"))).toBeUndefined();
  });

  test("with one that is unknown, revoked, used up, of a person, or expired", async () => {
    const client = machines.client("m1");
    const revoked = await client.createToken({});
    await client.revokeToken(revoked.id);
    await expect(joinWith("m2", { token: revoked.token })).rejects.toThrow(/knows no token/);
    const person = await client.createToken({ role: "admin" });
    await expect(joinWith("m2", { token: person.token })).rejects.toThrow(/is a person's/);
    const short = await client.createToken({ ttlMs: 1 });
    await expect(joinWith("m2", { token: short.token })).rejects.toThrow(
      /has expired: it ended .*, here it is/,
    );
    const once = await machines.token(1);
    await joinWith("m2", { token: once });
    await expect(joinWith("m3", { token: once })).rejects.toThrow(/as often as it may be/);
  });

  test("that belongs to another cluster, or to this one already", async () => {
    const again = await machines.join("m2", token);
    expect(again).toMatchObject({ exitCode: 9, stderr: expect.stringContaining("flotilla leave") });
    const foreign = await machines.flotilla(
      ...(["m1", "join", machines.address("m1"), "--token", token, "--dir", other.directory("m1")] as const),
    );
    expect(foreign).toMatchObject({
      exitCode: 9,
      stderr: expect.stringContaining("belongs to cluster prod"),
    });
    expect(await machines.init("m2")).toMatchObject({ exitCode: 9 });
  });

  test("whose clock is far off, and is told both times", async () => {
    const past = Date.UTC(2001, 0, 1);
    await expect(joinWith("m4", { nowMs: past })).rejects.toThrow(/not yet valid: it begins 20.*2001-01-01/);
    const late = Date.now() + 3_600_000;
    await expect(joinWith("m4", { nowMs: late })).rejects.toThrow(
      /the clocks differ: it is .* on the one that was/,
    );
  });

  test("under a name that is taken", async () => {
    const said = await machines.join("m5", token, "m1", "--machine-name", "m1");
    expect(said).toMatchObject({ exitCode: 9, stderr: expect.stringContaining("--machine-name") });
  });

  test("with the machine ID of one that is present", async () => {
    await mkdir(machines.directory("m6"), { recursive: true });
    const { machines: rows } = await machines.client("m1").machines();
    await writeFile(join(machines.directory("m6"), "machine-id"), `${rows[0]?.machine}\n`);
    await expect(joinWith("m6", {})).rejects.toThrow(
      new RegExp(`m6 at ${machines.address("m6")} has the machine ID of m1 at ${machines.address("m1")}`),
    );
  });

  test("at an address of no Flotilla, or of nothing at all", async () => {
    const server = createServer(
      (socket) =>
        void socket
          .on("error", () => undefined)
          .resume()
          .end("220 hello\r\n"),
    ).listen(0, machines.address("m9"));
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const url = `https://${machines.address("m9")}:${port}`;
    await expect(joinWith("m7", { url })).rejects.toThrow(/no Flotilla with certificates answers/);
    server.close();
    await once(server, "close");
    await expect(joinWith("m7", { url })).rejects.toThrow(/nothing answers/);
  });

  test("with a token that is none, which is not repeated", async () => {
    const said = await machines.join("m7", "flo_secretsecret");
    expect(said.exitCode).toBe(2);
    expect(said.stderr).toContain("this is not a token");
    expect(said.stderr).not.toContain("secretsecret");
  });

  test("in a directory that takes no files", async () => {
    const path = join(machines.root, "file");
    await writeFile(path, "");
    await chmod(path, 0o600);
    const said = await machines.flotilla(
      ...(["m1", "join", machines.address("m1"), "--token", token, "--dir", join(path, "below")] as const),
    );
    expect(said.exitCode).not.toBe(0);
  });
});

test("thirty machines come in at once by a token of thirty uses, and the next does not", {
  timeout: PATIENCE_MS,
}, async () => {
  const many = await machines.token(30);
  const names = Array.from({ length: 30 }, (_, index) => `m${index + 100}`);
  const joined = await Promise.all(names.map((name) => joinWith(name, { token: many })));
  expect(new Set(joined.map(({ machine }) => machine)).size).toBe(30);
  await expect(joinWith("m131", { token: many })).rejects.toThrow(/as often as it may be/);
});

test("a command that is killed at any moment leaves a machine of the cluster or of none, and can be run again", {
  timeout: 2 * PATIENCE_MS,
}, async () => {
  for (let round = 0; round < KILLS; round += 1) {
    const command = round % 2 === 0 ? "join" : "init";
    const name = `m${200 + (round % 40)}`;
    const directory = machines.directory(name);
    const where = ["--dir", directory, "--machine-name", name, "--address", machines.address(name)];
    const args =
      command === "join" ? ["join", machines.address("m1"), "--token", token, ...where] : ["init", ...where];
    const child = spawn(LAUNCHER, args, { env: machines.environment("m1"), stdio: "ignore" });
    const closed = once(child, "close");
    const timer = setTimeout(() => child.kill("SIGKILL"), randomInteger(systemRandom, 50, 700));
    await closed;
    clearTimeout(timer);
    const trust = await readTrust(directory);
    if (trust === undefined) {
      const again = await machines.flotilla("m1", ...args);
      expect(again).toMatchObject({ exitCode: 0 });
    }
    const names = existsSync(directory) ? await readdir(join(directory, "trust")) : [];
    expect(names).toEqual(expect.arrayContaining(["cluster.json", "machine.crt", "machine.key"]));
    await rm(directory, { recursive: true, force: true });
  }
});
