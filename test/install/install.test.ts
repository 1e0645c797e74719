/** `flotilla install` into a file system of its own: what it writes, leaves and takes away, and what systemd says to it. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { install, uninstall } from "#install/install.ts";
import { SETTINGS_TEXT, serviceFile } from "#install/service.ts";

const run = promisify(execFile);
const SERVICE = "/etc/systemd/system/flotilla.service";
const SETTINGS = "/etc/default/flotilla";
const COMPLETION = { path: "/usr/local/share/completions/flotilla", text: "complete" };

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "flotilla-install-"));
});
afterEach(() => rm(root, { recursive: true }));

const options = (service = "[Service]\n", isSpecial = false) => ({
  service,
  completions: [COMPLETION],
  isSpecial,
  root,
});
const textOf = (path: string): Promise<string | undefined> =>
  readFile(join(root, path), "utf8").catch(() => undefined);

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

test("it writes the service, its settings and the completions, and says so", async () => {
  expect(await install(options())).toEqual([
    `Wrote ${SERVICE}.`,
    `Wrote ${COMPLETION.path}.`,
    `Wrote ${SETTINGS}.`,
    "systemd does not run here: enable it there with: systemctl enable flotilla",
  ]);
  expect(await textOf(SERVICE)).toBe("[Service]\n");
  expect(await textOf(SETTINGS)).toBe(SETTINGS_TEXT);
  expect(await textOf(COMPLETION.path)).toBe("complete");
});

test("the same again changes nothing; a newer executable writes its own service", async () => {
  await install(options());
  expect((await install(options()))[0]).toBe(`${SERVICE} is there already.`);
  expect((await install(options("[Service]\nType=exec\n")))[0]).toBe(`Wrote ${SERVICE} anew.`);
  expect(await textOf(SERVICE)).toContain("Type=exec");
});

test("settings that somebody has changed stay, at the installing and at the removing", async () => {
  await put(SETTINGS, "FLOTILLA_NAME=a\n");
  expect(await install(options())).toContain(`${SETTINGS} is left as it is.`);
  expect(await uninstall(options())).toContain(`${SETTINGS} was changed, so it stays.`);
  expect(await textOf(SETTINGS)).toBe("FLOTILLA_NAME=a\n");
});

test("it is undone without a rest, but for the machine's state", async () => {
  await put("/var/lib/flotilla/agent.json", "{}");
  await install(options());
  const said = await uninstall(options());
  expect(said.slice(0, 3)).toEqual([
    `Removed ${SERVICE}.`,
    `Removed ${COMPLETION.path}.`,
    `Removed ${SETTINGS}.`,
  ]);
  expect(said.join(" ")).toContain("Units that ran go on");
  expect(await textOf(SERVICE)).toBeUndefined();
  expect(await textOf("/var/lib/flotilla/agent.json")).toBe("{}");
});

test("undoing what was not done says so and changes nothing", async () => {
  expect((await uninstall(options()))[0]).toBe(`${SERVICE} is not there.`);
});

test("beside a package's service it is refused", async () => {
  await put("/lib/systemd/system/flotilla.service", "[Service]\n");
  await expect(install(options())).rejects.toMatchObject({
    code: "conflict",
    message: "the service is installed already, by a package: /lib/systemd/system/flotilla.service",
  });
  await expect(uninstall(options())).rejects.toMatchObject({ code: "conflict" });
  expect(await textOf(SERVICE)).toBeUndefined();
});

test("a service of another form takes the place of a package's, until it is undone", async () => {
  await put("/lib/systemd/system/flotilla.service", "[Service]\n");
  await install(options("[Service]\nDelegate=yes\n", true));
  expect(await textOf(SERVICE)).toContain("Delegate=yes");
  expect((await uninstall(options()))[0]).toBe(`Removed ${SERVICE}.`);
  expect(await textOf("/lib/systemd/system/flotilla.service")).toBe("[Service]\n");
});

describe("systemd reads the service", () => {
  beforeEach(async () => {
    await put("/lib/systemd/system/sysinit.target", "[Unit]\nDefaultDependencies=no\n");
    await put("/bin/flotilla", "");
    await chmod(join(root, "bin/flotilla"), 0o755);
  });

  async function complaints(service: string): Promise<readonly string[]> {
    await install(options(service));
    const args = ["verify", "--man=no", `--root=${root}`, SERVICE];
    const { stderr } = await run("systemd-analyze", args).catch((error: { stderr: string }) => error);
    return stderr.split("\n").filter((line) => /flotilla\.service:\d+:/.test(line));
  }

  test.each(["systemd", "embedded"] as const)("for %s without a complaint", async (supervisor) => {
    expect(await complaints(serviceFile({ program: "/bin/flotilla", supervisor, origin: "a test" }))).toEqual(
      [],
    );
  });

  test("and would see a mistake", async () => {
    const service = serviceFile({ program: "/bin/flotilla", supervisor: "systemd", origin: "a test" });
    const said = await complaints(service.replace("RestartSec=500ms", "RestartSec=soon"));
    expect(said.join()).toContain("ignoring: soon");
  });
});
