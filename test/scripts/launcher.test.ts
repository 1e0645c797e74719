/** bin/flotilla in a small checkout of its own: what it builds, when, and what it says where it cannot. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = dirname(dirname(import.meta.dirname));
let checkout = "";

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), "flotilla-launcher-"));
  await put("package-lock.json", "{}");
  await put("package.json", '{ "type": "module" }');
  await put("src/supervisor/embedded/shim/shim.pl", "1;");
  await put("src/supervisor/systemd/fence/fence.pl", "1;");
  await program("one");
  for (const file of [
    "bin/flotilla",
    "bin/daemon.env",
    "scripts/bundle.ts",
    "scripts/node-modules-by-call.ts",
    "scripts/without-daemon.ts",
  ]) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await copyFile(join(root, file), join(checkout, file));
  }
});
afterEach(() => rm(checkout, { recursive: true }));

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(checkout, file)), { recursive: true });
  await writeFile(join(checkout, file), text);
}

/** A program that says a word, from a chunk of its own where it has chunks, and how Node was started. */
async function program(word: string): Promise<void> {
  await put("src/cli/main.ts", 'console.log((await import("./word.ts")).word, process.execArgv.join());');
  await put("src/cli/word.ts", `export const word: string = ${JSON.stringify(word)};`);
}

const installPackages = (): Promise<void> =>
  symlink(join(root, "node_modules"), join(checkout, "node_modules"));

function run(path = join(checkout, "bin", "flotilla"), ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, args, { cwd: "/" }, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
  });
}

test("without its packages it says what to run", async () => {
  expect(await run()).toBe(
    `error[unsupported]: Flotilla's packages are not installed in ${checkout}\n  hint: run: npm install --no-save --prefix ${checkout}\n`,
  );
});

test("it builds once, and again only after a source has changed", async () => {
  await installPackages();
  expect(await run()).toMatch(/^one \nbuilt .* in \d+ ms\n$/);
  expect(await run()).toBe("one \n");
  await program("two");
  const later = Date.now() / 1000 + 5;
  await utimes(join(checkout, "src/cli/word.ts"), later, later);
  expect(await run()).toContain("two \nbuilt");
});

test("it runs from anywhere through links, also relative ones", async () => {
  await installPackages();
  await symlink("bin/flotilla", join(checkout, "first"));
  await symlink(join(checkout, "first"), join(checkout, "second"));
  expect(await run(join(checkout, "second"))).toContain("one");
});

test("several at once build without harm and leave nothing half written", async () => {
  await installPackages();
  const said = await Promise.all(Array.from({ length: 4 }, () => run()));
  expect(said.map((text) => text.split(" ")[0])).toEqual(["one", "one", "one", "one"]);
  const files = (await readdir(join(checkout, "dist"))).filter((name) => name !== "compile-cache").sort();
  expect(files).toEqual([
    "built",
    "cli.js",
    "fence.pl",
    "flotilla.js",
    "shim.pl",
    expect.stringMatching(/^word-\w{8}\.js$/),
  ]);
});

test("each command finds its part, wherever the options stand", async () => {
  await installPackages();
  await put("src/cli/main.ts", 'console.log((await import("./dev.ts")).word);');
  await put("src/cli/dev.ts", 'export const word = "dev";');
  expect(await run(undefined, "--color", "never", "dev", "up")).toContain("dev\n");
  expect(await run(undefined, "list-units")).toContain("Cannot find module");
});

test("the daemon is started with a small heap, other commands are not", async () => {
  await installPackages();
  expect(await run(undefined, "daemon")).toContain("one --max-semi-space-size=1,--optimize-for-size");
  expect(await run(undefined, "list-units")).toBe("one \n");
});
