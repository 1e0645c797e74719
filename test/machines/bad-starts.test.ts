/** `flotilla install`, `init` and `join` that cannot be: what is said, that nothing is left of them, and the second try. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtExecutable } from "./installation.ts";
import { type Machine, STATE_DIRECTORY } from "./machine.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "./machines.ts";
import type { CommandResult } from "./nspawn.ts";

const STATE_BYTES = 128 << 20;
const NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
/** So long is an answer under way, of which the machine that asked is not to hear. */
const FAR_MS = 1_000;

interface BadJoin {
  readonly why: string;
  /** Another token than the good one, made from that. */
  readonly token?: (good: string) => string;
  readonly port?: string;
  readonly spoil?: (joining: Machine) => Promise<void>;
  readonly code: string;
  readonly says: RegExp;
}

/** The first sign of the secret is another. */
function withSlip(token: string): string {
  return token.replace(/(?<=^flo_\w{8}_)./, (sign) => (sign === "2" ? "3" : "2"));
}

/** The fingerprint is another. */
function ofOther(token: string): string {
  return token.replace(/(?<=_)[0-9a-f]{64}/, (fingerprint) => [...fingerprint].reverse().join(""));
}

describe.runIf(canBootMachines)("on two machines of which nobody has made a cluster yet", () => {
  let machines: Machines;
  let token = "";

  beforeAll(async () => {
    machines = await Machines.start({
      count: 2,
      bare: true,
      binds: [`--bind-ro=${await builtExecutable()}:/usr/bin/flotilla`],
      stateBytes: { m1: STATE_BYTES, m2: STATE_BYTES },
    });
  }, BOOT_TIMEOUT_MS);
  afterAll(() => machines.stop());

  /** That it failed with this, in the command line's own words and with a hint. */
  function expectRefusal({ exitCode, stdout, stderr }: CommandResult, code: string, says: RegExp): void {
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: expect.any(Number),
      stdout: "",
      stderr: expect.stringMatching(says),
    });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(`error[${code}]: `);
    expect(stderr).toContain("hint: ");
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  }

  async function expectNothingOf(name: string): Promise<void> {
    const machine = machines.get(name);
    const entries = await machine.run("ls", "-A", STATE_DIRECTORY);
    expect(entries.stdout.split("\n")).not.toContain("trust");
    expect((await machine.run("systemctl", "is-active", "flotilla")).stdout).not.toBe("active\n");
  }

  test("install wants root, and says so; for root it works", async () => {
    for (const machine of machines.all) {
      expectRefusal(await machine.run(...NOBODY, "flotilla", "install"), "not-permitted", /root/);
      expect((await machine.run("systemctl", "cat", "flotilla")).exitCode).not.toBe(0);
      await machine.must("flotilla", "install");
    }
  });

  test("init wants root and space, and works with both", async () => {
    const machine = machines.get("m1");
    const init = ["flotilla", "init", `--address=${machine.address}`];
    expectRefusal(await machine.run(...NOBODY, ...init), "not-permitted", /root/);
    await expectNothingOf("m1");
    await machine.fillDisk();
    expectRefusal(await machine.run(...init), "disk-full", /no space left/);
    await expectNothingOf("m1");
    await machine.freeDisk();
    await machine.must(...init);
    token = await machine.must("flotilla", "token", "create");
  });

  test("join wants root, and does not use the token without", async () => {
    const { address } = machines.get("m1");
    const joining = machines.get("m2").run(...NOBODY, "flotilla", "join", address, "--token", token.trim());
    expectRefusal(await joining, "not-permitted", /root/);
    await expectNothingOf("m2");
  });

  test.each<BadJoin>([
    {
      why: "a token that is none",
      token: () => "flo_me_in",
      code: "bad-request",
      says: /this is not a token/,
    },
    { why: "a slip in the secret", token: withSlip, code: "not-authenticated", says: /knows no token/ },
    { why: "another cluster's token", token: ofOther, code: "not-authenticated", says: /not of the token's/ },
    { why: "nobody at the port", port: ":7499", code: "unreachable", says: /nothing answers at .*:7499/ },
    {
      why: "a network that is cut",
      spoil: (machine) => machine.cutFrom([machines.get("m1")]),
      code: "unreachable",
      says: /no answer within/,
    },
    {
      why: "a full disk",
      spoil: (machine) => machine.fillDisk(),
      code: "disk-full",
      says: /no space left/,
    },
  ])(
    "join with $why says so, and leaves nothing",
    async ({ token: change, port = "", spoil, code, says }) => {
      const [{ address }, joining] = [machines.get("m1"), machines.get("m2")];
      await spoil?.(joining);
      const given = change?.(token) ?? token;
      const said = await joining.flotilla(["join", `${address}${port}`, "--token-file=-"], given);
      await joining.heal();
      await joining.freeDisk();
      expectRefusal(said, code, says);
      expect(said.stderr).not.toContain(token.split("_")[2]);
      await expectNothingOf("m2");
    },
  );

  test("join with a token that has expired says when, and leaves nothing", async () => {
    const [first, joining] = [machines.get("m1"), machines.get("m2")];
    const short = await first.client.createToken({ ttlMs: 1 });
    const said = await joining.flotilla(["join", first.address, "--token-file=-"], short.token);
    expectRefusal(said, "not-authenticated", /has expired: it ended 20/);
    await expectNothingOf("m2");
  });

  test("join that is killed before it hears that it was let in has used its token, and says so the next time", async () => {
    const [first, joining] = [machines.get("m1"), machines.get("m2")];
    const usesLeft = async (): Promise<number | null | undefined> =>
      (await first.client.tokens()).find(({ id }) => id === token.split("_")[1])?.usesLeft;
    // What went wrong before has used nothing.
    expect(await usesLeft()).toBe(1);
    await joining.delay({ delayMs: FAR_MS, jitterMs: 0 });
    await joining.write("/root/token", token);
    const join = `flotilla join ${first.address} --token-file=/root/token`;
    const killed = joining.run("sh", "-c", `echo $$ >/root/pid; exec ${join}`);
    await until("its being let in", async () => (await usesLeft()) === 0);
    await joining.must("sh", "-c", "kill -KILL $(cat /root/pid)");
    await killed;
    await joining.heal();
    await expectNothingOf("m2");
    const again = await joining.run("sh", "-c", join);
    expectRefusal(again, "not-authenticated", /used as often as it may be[\s\S]*flotilla token create/);
    await joining.join(first.address, await first.must("flotilla", "token", "create"));
    await machines.joined();
  }, 60_000);
});
