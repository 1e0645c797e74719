/** The commands of `flotilla kv` against a served API. */
import { spawnSync } from "node:child_process";
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KvChange, KvList } from "#api/store-bodies.ts";
import { FlotillaClient } from "#client/client.ts";
import { parseAnswer } from "#client/transport.ts";
import { keys } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { toBytes, toText } from "#store/keys.ts";
import { TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand, type TerminalOptions } from "./terminal.ts";

let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start();
  ({ directory, unix: endpoint } = await cluster.serve());
});
afterEach(() => cluster.close());

function run(line: string | readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return runCommand(line, { endpoint, cwd: directory, ...options });
}

/** The revision that `kv list` shows for the key. */
async function revisionOf(key: string): Promise<string> {
  const { stdout } = await run(`kv list ${key} --no-legend --fields revision`);
  return stdout.trim();
}

describe("put and get", () => {
  test("keep a value beneath kv/ and give back just its bytes", async () => {
    expect(await run("kv put web/port 8080")).toEqual({
      exit: 0,
      stdout: "",
      stderr: "web/port: written at revision 2\n",
    });
    expect((await run("kv get web/port")).stdout).toBe("8080");
    const { kvs } = await cluster.store.range({ key: toBytes(keys.kv("web/port")) });
    expect(kvs.map((kv) => toText(kv.value))).toEqual(["8080"]);
  });

  test("carry any bytes, from a file", async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
    await writeFile(join(directory, "blob"), bytes);
    expect(await run("kv put web/blob --from-file blob")).toMatchObject({ exit: 0 });
    expect((await run("kv get web/blob")).stdout).toBe(bytes.toString("latin1"));
    const shown = parseAnswer<{ base64: string }>((await run("kv get web/blob -o json")).stdout);
    expect(Buffer.from(shown.base64, "base64").equals(bytes)).toBe(true);
  });

  test("end the line on a terminal only", async () => {
    await run("kv put k v");
    expect((await run("kv get k", { isTTY: true })).stdout).toBe("v\n");
  });

  test("tell of a key that is not there", async () => {
    expect(await run("kv get nothing")).toEqual({
      exit: 4,
      stdout: "",
      stderr: "error[not-found]: there is no key nothing\n  hint: flotilla kv list shows those there are\n",
    });
  });

  test.each([
    ["kv put k", "give the value behind the key"],
    ["kv put k v --from-file f", "give the value behind the key"],
    ["kv put k --from-file nowhere", "cannot be read from nowhere"],
    ["kv put k v --if-revision new", "--if-revision takes a revision, not new"],
    ["kv put /k v", '"/k" is not a key'],
  ])("refuse %j", async (line, message) => {
    const { exit, stderr } = await run(line);
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
  });

  test("refuse keys and values over the limits", async () => {
    const long = await run(["kv", "put", "k".repeat(LIMITS.kvKeyBytes + 1), "v"]);
    expect(long).toMatchObject({ exit: 1 });
    expect(long.stderr).toContain("error[limit-exceeded]: the key has 1025 bytes");
    await writeFile(join(directory, "large"), Buffer.alloc(LIMITS.kvValueBytes + 1));
    const large = await run("kv put k --from-file large");
    expect(large.stderr).toContain("error[limit-exceeded]: the value of k has 1048577 bytes");
    await writeFile(join(directory, "large"), Buffer.alloc(LIMITS.kvValueBytes));
    expect(await run("kv put k --from-file large")).toMatchObject({ exit: 0 });
  });
});

describe("--if-revision", () => {
  test("writes only what nobody else has changed", async () => {
    await run("kv put k one");
    const revision = await revisionOf("k");
    expect(await run(`kv put k two --if-revision ${revision}`)).toMatchObject({ exit: 0 });
    const late = await run(`kv put k three --if-revision ${revision}`);
    expect(late.exit).toBe(9);
    expect(late.stderr).toContain("cause: it is at revision 3");
    expect((await run("kv get k")).stdout).toBe("two");
  });

  test("0 makes a key, and only one that is not there", async () => {
    expect(await run("kv put k one --if-revision 0")).toMatchObject({ exit: 0 });
    expect(await run("kv put k two --if-revision 0")).toMatchObject({ exit: 9 });
  });

  test("deletes only what nobody else has changed", async () => {
    await run("kv put k one");
    expect(await run("kv del k --if-revision 1")).toMatchObject({ exit: 9 });
    expect(await run(`kv del k --if-revision ${await revisionOf("k")}`)).toMatchObject({ exit: 0 });
    expect(await run("kv get k")).toMatchObject({ exit: 4 });
  });
});

describe("list and del", () => {
  test("list keys in order with their values on one line", async () => {
    await run(["kv", "put", "b", "two\nlines"]);
    await run("kv put a 1");
    expect((await run("kv list")).stdout).toBe(
      "KEY  REVISION  BYTES  VALUE\na    3         1      1\nb    2         9      two\\nlines\n",
    );
    expect((await run("kv list -o name")).stdout).toBe("a\nb\n");
    expect((await run("kv list b -o name")).stdout).toBe("b\n");
  });

  test("list more keys than fit on a page, each once", async () => {
    const names = Array.from({ length: LIMITS.kvKeysPerPage + 5 }, (_, index) => `k${1_000 + index}`);
    for (const name of names) await cluster.store.put({ key: toBytes(keys.kv(name)), value: toBytes("v") });
    expect((await run("kv list -o name")).stdout.trim().split("\n")).toEqual(names);
  });

  test("delete all that begin with a prefix, and nothing else", async () => {
    for (const key of ["web/a", "web/b", "webs"]) await run(`kv put ${key} v`);
    expect((await run("kv del --prefix web/")).stderr).toBe("2 keys deleted\n");
    expect((await run("kv list -o name")).stdout).toBe("webs\n");
    expect(await run("kv del web/a")).toMatchObject({ exit: 4 });
  });

  test("reach no key outside kv/", async () => {
    await cluster.write({
      kind: "put",
      request: { key: toBytes(`${keys.kv("")}`.slice(0, -1)), value: toBytes("x") },
    });
    await run("kv put inside v");
    expect((await run(["kv", "del", "--prefix", ""])).stderr).toBe("1 key deleted\n");
    expect((await run("kv list -o name")).stdout).toBe("");
  });
});

describe("watch", () => {
  /** Runs until so many lines have come; returns them. */
  async function watchLines(line: string, count: number, act: () => Promise<unknown>): Promise<string[]> {
    const enough = new AbortController();
    const lines: string[] = [];
    const running = run(line, {
      signal: enough.signal,
      onOutput: (text) => {
        lines.push(...text.split("\n").filter(Boolean));
        if (lines.length >= count) enough.abort();
      },
    });
    await act();
    await running;
    return lines;
  }

  test("tells each change behind a revision once, in order", async () => {
    await run("kv put web/a 1");
    await run("kv put web/b 2");
    await run("kv del web/a");
    const lines = await watchLines("kv watch --prefix web/ --after 2", 3, () => run("kv put web/c 4"));
    expect(lines).toEqual(["3 put web/b 2", "4 delete web/a", "5 put web/c 4"]);
  });

  test("shows one key's changes as JSON", async () => {
    await run("kv put k 1");
    const lines = await watchLines("kv watch k --after 1 -o ndjson", 1, () => Promise.resolve());
    expect(parseAnswer<KvChange>(lines[0] ?? "")).toEqual({
      type: "put",
      key: "k",
      value: "1",
      revision: "2",
    });
  });

  test("says when what it should begin behind is no longer kept", async () => {
    await run("kv put k 1");
    await run("kv put k 2");
    await cluster.store.compact(3n);
    const { exit, stderr } = await run("kv watch k --after 1");
    expect(exit).toBe(9);
    expect(stderr).toContain("what happened behind revision 1 is no longer kept");
  });

  test("begins where a list ends, so that nothing is missed", async () => {
    await run("kv put a 1");
    const client = new FlotillaClient({ endpoint });
    const { revision }: KvList = await client.kv({ prefix: "" });
    await run("kv put b 2");
    for await (const change of client.watchKv({ prefix: "", after: revision })) {
      if (!("type" in change)) continue;
      expect(change).toMatchObject({ key: "b", value: "2" });
      break;
    }
  });
});

describe("edit", () => {
  test("writes what the editor has left, and only at the revision that was shown", async () => {
    await run("kv put web/config one");
    const editor = join(directory, "editor");
    await writeFile(editor, '#!/bin/sh\nsed -i s/one/two/ "$1"\n', { mode: 0o755 });
    const env = { EDITOR: editor };
    expect((await run("kv edit web/config", { env })).stderr).toBe("web/config: written at revision 3\n");
    expect((await run("kv edit web/config", { env })).stderr).toBe("web/config: not changed\n");
    expect((await run("kv get web/config")).stdout).toBe("two");
  });

  test("keeps what was typed when somebody else was faster", async () => {
    await run("kv put k one");
    const pipe = join(directory, "pipe");
    const editor = join(directory, "editor");
    spawnSync("mkfifo", [pipe]);
    await writeFile(editor, `#!/bin/sh\ncat ${pipe} > "$1"\n`, { mode: 0o755 });
    const editing = run("kv edit k", { env: { EDITOR: editor } });
    // The pipe opens when the editor reads it: by then the value has been shown.
    const typing = await open(pipe, "w");
    await run("kv put k theirs");
    await typing.writeFile("mine");
    await typing.close();
    const { exit, stderr } = await editing;
    expect(exit).toBe(9);
    const kept = /is kept in (.*)$/m.exec(stderr)?.[1] ?? "";
    expect(await readFile(kept, "utf8")).toBe("mine");
    await rm(kept);
    expect((await run("kv get k")).stdout).toBe("theirs");
  });
});

describe("exec", () => {
  /** The program writes its variable to a file; what it is told ends it or not. */
  const program = (file: string): readonly string[] => [
    "sh",
    "-c",
    `echo "$PORT" >> ${file}; [ "$PORT" = end ] && exit 3; exec sleep 60`,
  ];

  test("runs a program with keys as variables, anew when they change, and ends with its exit code", async () => {
    const file = join(directory, "ports");
    spawnSync("mkfifo", [file]);
    await run("kv put web/port 80");
    const argv = ["kv", "exec", "--prefix", "web/", "--upcase", "--", ...program(file)];
    const running = run(argv, { env: { PATH: process.env.PATH ?? "" } });
    expect(await readFile(file, "utf8")).toBe("80\n");
    await run("kv put other/port 1");
    await run("kv put web/port end");
    expect(await readFile(file, "utf8")).toBe("end\n");
    expect(await running).toMatchObject({
      exit: 3,
      stderr: "flotilla kv exec: keys have changed; the program is started anew\n",
    });
  });

  test("with --once runs it with what they are, and nothing else with --pristine", async () => {
    await run("kv put port 80");
    const file = join(directory, "environment");
    const argv = [
      "kv",
      "exec",
      "--once",
      "--pristine",
      "--",
      "/usr/bin/env",
      "sh",
      "-c",
      `env > ${file}; exit 4`,
    ];
    expect(await run(argv, { env: { SECRET: "x" } })).toMatchObject({ exit: 4 });
    const text = await readFile(file, "utf8");
    expect(text).toContain("port=80\n");
    expect(text).not.toContain("SECRET");
  });

  test("tells of a program that is not there", async () => {
    const { exit, stderr } = await run("kv exec -- /no/such/program");
    expect(exit).toBe(4);
    expect(stderr).toContain("/no/such/program cannot be run");
  });

  test("tells how a program ended that a signal ended", async () => {
    const argv = ["kv", "exec", "--once", "--", "sh", "-c", "kill -KILL $$"];
    expect(await run(argv, { env: { PATH: process.env.PATH ?? "" } })).toMatchObject({ exit: 137 });
  });
});
