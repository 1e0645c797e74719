/** Contexts, people and the audit log by the command line, over real TLS. */
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { keepContext, parseContexts, readContexts } from "#cli/contexts/file.ts";
import { openAuditLog } from "#daemon/audit-log.ts";
import { systemClock } from "#host/system.ts";
import { keys } from "#model/keys.ts";
import { putJson } from "#store/ops.ts";
import { M1, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { makeToken, TestTrust } from "../api/trust.ts";
import { type Ran, runCommand } from "./terminal.ts";

let ours: TestTrust;
let cluster: TestCluster;
let served: Awaited<ReturnType<TestCluster["serve"]>>;
let state: string;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), "flotilla-access-"));
  ours = TestTrust.make("ours");
  const live = ours.live(await ours.machine(M1, "m1"));
  cluster = await TestCluster.start({
    access: { kind: "checked", judge: (certificate) => live.judge(certificate, "machines and people") },
    audit: openAuditLog(join(state, "audit"), { clock: systemClock, log: silentLogger }),
  });
  served = await cluster.serve(live.serverTls("machines and people"));
  await cluster.addMachine(M1, "m1", { api: served.http });
  await cluster.write(
    putJson(keys.trust(), { machines: ours.machines, people: ours.people }),
    putJson(keys.cluster(), { id: "ours", name: "prod", createdMs: 1 }),
  );
});
afterAll(async () => {
  await cluster.close();
  await rm(state, { recursive: true, force: true });
});

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "flotilla-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

function run(line: string | readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return runCommand(line, { env: { HOME: home, ...env }, cwd: home, now: Date.now });
}

const contextsFile = (): string => join(home, ".config/flotilla/contexts.json");

async function token(role: "viewer" | "operator" | "admin"): Promise<string> {
  const made = makeToken(role, {}, ours.fingerprint);
  await cluster.write(made.write);
  return made.text;
}

async function addContext(role: "viewer" | "operator" | "admin", name = "prod"): Promise<Ran> {
  return run(["context", "add", name, served.http, "--token", await token(role)]);
}

describe("flotilla context", () => {
  test("add keeps the cluster's authority, by the token's fingerprint, and commands are for it then", async () => {
    const added = await addContext("operator");
    expect(added).toMatchObject({ exit: 0, stdout: "" });
    expect(added.stderr).toContain(
      "prod: cluster prod with 1 machines, where you are operator-token (token) (operator)",
    );
    expect((await stat(contextsFile())).mode & 0o777).toBe(0o600);
    const listed = await run("list-machines -o name");
    expect(listed).toMatchObject({ exit: 0, stderr: "" });
    expect(listed.stdout.trim()).toBe(M1);
  });

  test("add refuses a cluster that is not the token's, and keeps nothing", async () => {
    const others = makeToken("admin", {}, "0".repeat(64)).text;
    const { exit, stderr } = await run(["context", "add", "prod", served.http, "--token", others]);
    expect(exit).toBe(10);
    expect(stderr).toContain("error[not-authenticated]");
    expect(stderr).not.toContain(others.split("_")[2]);
    await expect(stat(contextsFile())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("add refuses a token that the cluster does not let in, and keeps nothing", async () => {
    const unknown = makeToken("admin", {}, ours.fingerprint).text;
    const { exit, stderr } = await run(["context", "add", "prod", served.http, "--token", unknown]);
    expect(exit).toBe(10);
    expect(stderr).toContain("error[not-authenticated]: the cluster knows no token");
    await expect(stat(contextsFile())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each<[string, readonly string[], number, string]>([
    ["a name that is none", ["add", "../x", "h"], 2, "is not a name for a context"],
    ["no address", ["add", "x"], 2, "say where the cluster is"],
    ["a token that is none", ["add", "x", "h", "--token", "hunter2"], 2, "this is not a token"],
    ["a file that is not there", ["add", "x", "--file", "none.json"], 2, "cannot be read"],
    ["a context to use that is not there", ["use", "x"], 4, "there is no context x"],
    ["a context to remove that is not there", ["remove", "x"], 4, "there is no context x"],
  ])("refuses %s", async (_, line, exit, told) => {
    const ran = await run(["context", ...line]);
    expect(ran.exit).toBe(exit);
    expect(ran.stderr).toContain(told);
    expect(ran.stderr).not.toContain("hunter2");
  });

  test("list shows of what kind the proof is, never the proof", async () => {
    const secret = await token("viewer");
    await run(["context", "add", "prod", served.http, "--token", secret]);
    await keepContext(
      { HOME: home },
      { name: "dev", endpoints: ["http://127.0.0.1:1"], credentials: {} },
      false,
    );
    const { stdout } = await run("context list");
    expect(
      stdout
        .split("\n")
        .slice(0, 3)
        .map((line) => line.split(/ +/)),
    ).toEqual([
      ["NAME", "CURRENT", "CREDENTIALS", "ENDPOINTS"],
      ["dev", "-", "none", "http://127.0.0.1:1"],
      ["prod", "*", "token", served.http],
    ]);
    const json = await run("context list -o json");
    expect(json.stdout).not.toContain(secret);
    expect(json.stdout).not.toContain("BEGIN");
  });

  test("use and remove choose what commands are for", async () => {
    await addContext("viewer");
    expect((await run("context use -")).exit).toBe(0);
    expect(readContexts(contextsFile()).current).toBeUndefined();
    expect((await run("context use prod")).stderr).toBe("commands are for prod\n");
    expect((await run("context remove prod")).exit).toBe(0);
    expect(readContexts(contextsFile())).toEqual({ current: undefined, contexts: [] });
  });

  test("is not looked at where an endpoint is named", async () => {
    await addContext("viewer");
    await writeFile(contextsFile(), "not json");
    expect((await run("list-machines -o name", { FLOTILLA_ENDPOINT: served.unix })).exit).toBe(0);
    const { exit, stderr } = await run("list-machines");
    expect(exit).toBe(2);
    expect(stderr).toContain(`error[bad-config]: ${contextsFile()} cannot be taken`);
  });

  test("named on the command line goes before the environment's endpoint", async () => {
    await addContext("viewer");
    const ran = await run("--context prod list-machines -o name", {
      FLOTILLA_ENDPOINT: "http://127.0.0.1:1",
    });
    expect(ran.exit).toBe(0);
    expect((await run("list-machines", { FLOTILLA_CONTEXT: "nowhere" })).stderr).toContain("there are: prod");
  });

  test("with secrets that others may read is warned of, and works", async () => {
    await addContext("viewer");
    await chmod(contextsFile(), 0o644);
    const { exit, stderr } = await run("list-machines -o name");
    expect(exit).toBe(0);
    expect(stderr).toContain("warning: ");
    expect(stderr).toContain("others may read it (mode 0644)");
    expect(stderr).toContain("chmod 600");
  });

  test.each([
    "{}",
    "[]",
    '{"contexts":[{}]}',
    '{"contexts":[{"name":"a","endpoints":[]}]}',
    '{"contexts":[{"name":"a","endpoints":["x"],"token":7}]}',
    "token",
  ])("file that is damaged is refused without its text: %s", (text) => {
    expect(() => parseContexts(text, "/x/contexts.json")).toThrow("/x/contexts.json cannot be taken");
  });
});

describe("a context of a name that is taken", () => {
  test("is refused, and takes the other's place where that is asked for", async () => {
    await addContext("viewer");
    const kept = await readFile(contextsFile(), "utf8");
    const refused = await addContext("admin");
    expect([refused.exit, refused.stderr]).toEqual([
      9,
      expect.stringContaining(`there is a context prod already, for ${served.http}`),
    ]);
    expect(await readFile(contextsFile(), "utf8")).toBe(kept);
    const line = ["context", "add", "prod", served.http, "--replace", "--token", await token("admin")];
    expect((await run(line)).stderr).toContain("(admin)");
    expect(readContexts(contextsFile()).contexts).toHaveLength(1);
  });

  test("is left alone by init, which takes the next name and says so", async () => {
    await addContext("viewer");
    const where = ["--dir", join(home, "state"), "--address", "127.0.0.1", "--name", "prod"];
    const made = await run(["init", "--no-start", ...where]);
    expect(made.stderr).toContain("(flotilla context use prod-2)");
    const { contexts } = readContexts(contextsFile());
    expect(contexts.map(({ name, credentials }) => [name, credentials.token !== undefined])).toEqual([
      ["prod", true],
      ["prod-2", false],
    ]);
  });
});

describe("flotilla init", () => {
  test("keeps a context with the port that the daemon will serve its API at", async () => {
    const where = ["--dir", join(home, "state"), "--address", "127.0.0.1", "--name", "fleet"];
    const made = await run(["init", "--no-start", ...where], { FLOTILLA_API_PORT: "7555" });
    expect([made.exit, made.stderr]).toEqual([0, expect.stringContaining("Start the daemon")]);
    const { contexts } = readContexts(contextsFile());
    expect(contexts).toMatchObject([{ name: "fleet", endpoints: ["https://127.0.0.1:7555"] }]);
    const again = await run(["init", "--no-start", ...where], { FLOTILLA_API_PORT: "0" });
    expect([again.exit, again.stderr]).toEqual([2, expect.stringContaining("FLOTILLA_API_PORT=0")]);
  });
});

test("flotilla init makes no cluster where its admin's key cannot be kept", async () => {
  const line = ["init", "--no-start", "--dir", join(home, "state"), "--address", "127.0.0.1"];
  const { exit, stderr } = await runCommand(line, { cwd: home });
  expect([exit, stderr]).toEqual([2, expect.stringContaining("there is no home to keep contexts in")]);
  expect(existsSync(join(home, "state"))).toBe(false);
});

describe("without a context", () => {
  test("a token in the environment and the authority in a file let one in", async () => {
    await writeFile(join(home, "ca.pem"), ours.machines.certificate);
    const env = { FLOTILLA_ENDPOINT: served.http, FLOTILLA_TOKEN: await token("viewer") };
    expect((await run("list-machines -o name --ca ca.pem", env)).exit).toBe(0);
    const without = await run("list-machines --ca ca.pem", { FLOTILLA_ENDPOINT: served.http });
    expect(without.exit).toBe(10);
    expect(without.stderr).toMatch(/^error\[not-authenticated\]: the API wants to know who asks\n/);
    expect(without.stderr).toContain("hint: on a machine of the cluster use the local socket");
  });

  test("a certificate needs its key, and files that are there", async () => {
    await writeFile(join(home, "cert.pem"), "x");
    const env = { FLOTILLA_ENDPOINT: served.http };
    expect((await run("list-machines --client-cert cert.pem", env)).stderr).toContain("belong together");
    expect((await run("list-machines --token-file none", env)).stderr).toContain("--token-file");
  });

  test("what a role does not permit is told with the role that does", async () => {
    await addContext("viewer");
    const { exit, stderr } = await run("stop web");
    expect(exit).toBe(10);
    expect(stderr).toBe(
      "error[not-permitted]: this needs the role operator, and viewer-token is a viewer\n  hint: an admin makes a token with more: flotilla token create --role operator\n",
    );
  });
});

describe("flotilla person", () => {
  test("create makes a file that lets the person in, and revoke takes it back", async () => {
    await addContext("admin");
    const made = await run("person create alice --role operator --ttl 1d");
    const path = join(home, "alice.json");
    expect(made).toMatchObject({ exit: 0, stdout: `${path}\n` });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const key: unknown = JSON.parse(await readFile(path, "utf8"));
    expect(key).toMatchObject({
      name: "prod",
      endpoints: [served.http],
      key: expect.stringContaining("PRIVATE KEY"),
    });
    expect((await run("context add as-alice --file alice.json")).stderr).toContain(
      "where you are alice (operator)",
    );
    expect((await run("context list -o json")).stdout).not.toContain("PRIVATE");
    expect((await run("--context prod person revoke alice")).exit).toBe(0);
    const refused = await run("list-machines");
    expect(refused.exit).toBe(10);
    expect(refused.stderr).toContain("the certificates of alice were taken back");
  });

  test.each<[string, string, string]>([
    ["no role", "person create bob", "say what the person may do"],
    [
      "a role that is none",
      "person create bob --role king",
      "--role takes admin, operator, viewer, not king",
    ],
  ])("create refuses %s", async (_, line, told) => {
    expect((await run(line, { FLOTILLA_ENDPOINT: served.unix })).stderr).toContain(told);
  });

  test("create overwrites no file", async () => {
    await writeFile(join(home, "bob.json"), "somebody's key");
    const { exit, stderr } = await run("person create bob --role viewer", { FLOTILLA_ENDPOINT: served.unix });
    expect([exit, stderr]).toEqual([9, expect.stringContaining("bob.json is there already")]);
    expect(await readFile(join(home, "bob.json"), "utf8")).toBe("somebody's key");
  });
});

describe("flotilla audit", () => {
  test("tells who changed what, allowed or refused, and nothing of what was written", async () => {
    await addContext("operator");
    await writeFile(join(home, "web.service"), `${SERVICE}Environment=PASSWORD=hunter2\n`);
    await run("submit ./web.service");
    await run("kv put db/password hunter2");
    await run("token create");
    const refused = await run("audit");
    expect([refused.exit, refused.stdout]).toEqual([10, ""]);
    const { stdout, exit } = await run("audit -o json", { FLOTILLA_ENDPOINT: served.unix });
    expect(exit).toBe(0);
    expect(stdout).not.toContain("hunter2");
    const { changes } = JSON.parse(stdout) as { changes: readonly Record<string, unknown>[] };
    expect(changes.filter(({ caller }) => caller === "operator-token (token)")).toMatchObject([
      { route: "POST /v1/units", what: ["web.service"], outcome: "ok", machine: "m1", address: "127.0.0.1" },
      { route: "POST /v1/kv", what: ["key=db/password"], outcome: "ok" },
      { route: "POST /v1/tokens", what: [], outcome: "not-permitted" },
    ]);
  });

  /** Follows, makes changes as soon as something is shown, until `last` is seen. */
  async function follow(line: string, acts: readonly string[], last: string): Promise<Ran> {
    const local = { FLOTILLA_ENDPOINT: served.unix };
    const ended = new AbortController();
    const left = [...acts];
    let shown = "";
    const onOutput = (text: string): void => {
      shown += text;
      if (shown.includes(last)) ended.abort();
      const next = left.shift();
      if (next !== undefined) void run(next, local);
    };
    const env = { HOME: home, ...local };
    return runCommand(line, { env, cwd: home, now: Date.now, signal: ended.signal, onOutput });
  }

  test("of a machine that there is not is an error, where it was named", async () => {
    const ran = await run("audit --machine m9", { FLOTILLA_ENDPOINT: served.unix });
    expect([ran.exit, ran.stdout]).toEqual([4, ""]);
    expect(ran.stderr).toContain("error[machine-not-found]");
  });

  test("-f goes on with each change, in the columns of those before", async () => {
    const local = { FLOTILLA_ENDPOINT: served.unix };
    await run("kv put first 1", local);
    const { stdout } = await follow("audit -f -n 1", ["kv put 2nd 2", "kv del 2nd"], "/delete");
    const [headings, ...rows] = stdout.trimEnd().split("\n");
    expect(headings).toMatch(/^TIME +CALLER +MACHINE +ROUTE +OUTCOME +WHAT$/);
    expect(rows.map((row) => row.slice(19).split(/ {2,}/).slice(1))).toEqual([
      ["local socket", "m1", "POST /v1/kv", "ok", "key=first"],
      ["local socket", "m1", "POST /v1/kv", "ok", "key=2nd"],
      ["local socket", "m1", "POST /v1/kv/delete", "ok", "key=2nd"],
    ]);
  });

  test("-f gives programs a line of JSON each, and with -n 0 people what is new", async () => {
    const local = { FLOTILLA_ENDPOINT: served.unix };
    await run("kv put before 1", local);
    const { stdout } = await follow("audit -f -n 1 -o json", ["kv put after 2"], "key=after");
    const entries = stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(entries).toMatchObject([{ what: ["key=before"] }, { what: ["key=after"], machine: "m1" }]);
    const fresh = await follow("audit -f -n 0 --fields what", ["kv put newest 3"], "key=newest");
    expect(fresh.stdout).toBe("WHAT\nkey=newest\n");
  });

  test("shows the last changes as a table, from a time on, and refuses a time that is none", async () => {
    const local = { FLOTILLA_ENDPOINT: served.unix };
    await run("kv put a 1", local);
    const { stdout } = await run("audit -n 1", local);
    expect(stdout.split("\n")[0]).toMatch(/^TIME +CALLER +MACHINE +ROUTE +OUTCOME +WHAT$/);
    expect(stdout.split("\n")[1]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +local socket +m1 +POST \/v1\/kv +ok +key=a$/,
    );
    expect((await run("audit --since -1h --no-legend", local)).stdout).toContain("key=a");
    expect((await run("audit --since tomorrow --no-legend", local)).stdout).toBe("");
    expect((await run("audit --since never", local)).stderr).toContain("--since takes a point in time");
  });
});
