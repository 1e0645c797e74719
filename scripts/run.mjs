/**
 * What `npm start`, `npm test` and their like run: sees to it that the packages a task needs are there, then runs it.
 *
 * This file alone runs on whatever Node the machine has (20 or newer) and before anything is installed, so it is plain
 * JavaScript without dependencies. Everything else runs on the Node that package-lock.json pins.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { installedMatchesLock, missingPackages, taskNeeds } from "./requirements.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const examples = join(root, "examples");
const node = join(root, "node_modules", "node", "bin", "node");

/**
 * What each task runs: a program of the checkout and its first arguments.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const TASKS = {
  start: [
    join(root, "bin", "flotilla"),
    ...["dev", "up", "--units", join(examples, "cluster.json"), "--env", `EXAMPLES=${examples}`],
  ],
  test: [node, join(root, "scripts", "test.ts")],
  check: [node, join(root, "scripts", "check.ts")],
  build: [node, join(root, "scripts", "build.ts")],
  docs: [node, join(root, "scripts", "docs.ts")],
  bench: [node, join(root, "bench", "main.ts")],
  fuzz: [node, join(root, "test", "fuzz", "main.ts")],
  prove: [node, join(root, "test", "store", "prove.ts")],
  "store-kill": [node, join(root, "test", "store", "engine", "kill-main.ts")],
  simulate: [node, join(root, "test", "simulation", "main.ts")],
};

/**
 * Runs a program in the foreground, passes signals on to it and answers its exit code.
 * @param {readonly string[]} argv @param {import("node:child_process").SpawnOptions} [options] @returns {Promise<number>}
 */
function run(argv, options = {}) {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on("error", (error) => fail(`cannot run ${command}: ${error.message}`));
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** @param {string} path */
function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

async function installNodePackages() {
  const lock = readLock(join(root, "package-lock.json"));
  const installed = readLock(join(root, "node_modules", ".package-lock.json"));
  if (existsSync(node) && installed !== undefined && installedMatchesLock(lock, installed)) return;
  console.error("Installing the packages of package-lock.json …");
  // Not `npm ci`: it refuses a lock file that leaves out optional packages of platforms which a registry does not have.
  const status = await run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (status !== 0) fail("npm could not install the packages; nothing was started");
}

/** @param {string} command a path is where it says */
function onPath(command) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(resolve(folder, command)));
}

/**
 * Installs or names the Debian packages that `task` cannot do without.
 * @param {string} task @param {boolean} yes
 */
async function ensureSystemPackages(task, yes) {
  const missing = missingPackages(taskNeeds(task), onPath);
  if (missing.length === 0) return;
  const names = missing.map((need) => need.package);
  console.error(`\`npm run ${task}\` needs programs that this machine does not have:`);
  for (const need of missing)
    console.error(`  ${need.command} (Debian package ${need.package}): ${need.why}`);
  const maySilently = process.getuid?.() === 0 && (yes || process.env.CI === "true");
  if (!maySilently) {
    fail(
      `Install them: sudo apt-get install ${names.join(" ")}\nAs root, \`npm run ${task} -- --yes\` does it.`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], { env });
  const status = await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...names], { env });
  if (status !== 0) fail(`apt-get could not install ${names.join(" ")}`);
}

const [task = "", ...rest] = process.argv.slice(2);
if (!Object.hasOwn(TASKS, task))
  fail(`usage: node scripts/run.mjs ${Object.keys(TASKS).join("|")} [ARGUMENT…]`);
const yes = rest.includes("--yes");
await ensureSystemPackages(task, yes);
await installNodePackages();
process.exitCode = await run([...(TASKS[task] ?? []), ...rest.filter((argument) => argument !== "--yes")]);
