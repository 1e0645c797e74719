/** A machine without etcd that is asked to become a member: told what to install, and nothing is changed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { flotilla, launcher } from "../../dev/flotilla.ts";

let directory: string;
let daemon: ChildProcess;
let ended: Promise<unknown>;
/** The first daemon of a checkout is bundled before it starts. */
const PATIENCE_MS = 90_000;

function placesOf(program: string): readonly string[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return [...new Set(folders.map((folder) => join(folder, program)))].filter((path) => existsSync(path));
}

/** A daemon that sees none of these programs where they are installed. */
async function startWithout(...hidden: readonly string[]): Promise<string> {
  directory = mkdtempSync(join(tmpdir(), "flotilla-no-etcd-"));
  const hide = hidden
    .flatMap(placesOf)
    .map((path) => `mount --bind /dev/null ${path}`)
    .join(" && ");
  const own = ["--name", "m1", "--api-port", "0", "--store-port", "0", "--cgroup", "none"];
  const command = [launcher, "daemon", "--dir", directory, "--insecure", ...own];
  daemon = spawn("unshare", ["--mount", "sh", "-c", `${hide} && exec "$@"`, "sh", ...command], {
    stdio: "ignore",
  });
  ended = once(daemon, "exit");
  const socket = join(directory, "run", "flotilla.sock");
  await expect.poll(() => existsSync(socket), { interval: 20, timeout: PATIENCE_MS }).toBe(true);
  return `unix:${socket}`;
}

afterEach(async () => {
  daemon.kill("SIGTERM");
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

test.runIf(process.getuid?.() === 0).each([
  { program: "etcd", instead: [], hint: "apt-get install etcd-server" },
  // Newer versions have both.
  { program: "etcdctl", instead: ["etcdutl"], hint: "apt-get install etcd-client" },
])(
  "promote without $program names the package, and the store stays what it was",
  { timeout: 2 * PATIENCE_MS },
  async ({ program, instead, hint }) => {
    const endpoint = await startWithout(program, ...instead);
    const { code, stderr } = await flotilla("--endpoint", endpoint, "store", "promote");
    expect(code).not.toBe(0);
    expect(stderr).toContain(`${program} is not installed on m1`);
    expect(stderr).toContain(hint);
    const status = await flotilla("--endpoint", endpoint, "store", "status", "-o", "json");
    expect(JSON.parse(status.stdout)).toMatchObject({ kind: "embedded" });
    expect((await flotilla("--endpoint", endpoint, "list-unit-files", "-o", "name")).stdout).toBe("");
    expect(readdirSync(directory).filter((name) => name === "etcd" || name === "store.json")).toEqual([]);
    const put = await flotilla("--endpoint", endpoint, "kv", "put", "app/key", "still written");
    expect(put.code).toBe(0);
  },
);
