/**
 * Makes the single executable: Node itself, stripped of its symbols, with the program put into it as Node's single
 * executable applications have it (https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html).
 *
 * All it needs is in node_modules. What it makes runs on machines of the same architecture with a C library no older.
 */
import { execFile } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { licences } from "./licences.ts";
import { bundleProgram, type Program } from "./program.ts";

const run = promisify(execFile);

/** By this Node knows that something was put into it: it is in Node's text, and postject turns it on. */
const SENTINEL_FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const RESOURCE = "NODE_SEA_BLOB";

/**
 * A file written at once lies in the page cache in large pieces, of which the kernel maps whole ones: measured, 18 MB
 * more of Node's text in a process. Packages are unpacked in small pieces as well.
 */
const PIECE_BYTES = 64 * 1024;

/** The programs that are no JavaScript; the code that runs them finds them by `programFolder`. */
const COMPANIONS = ["src/supervisor/embedded/shim", "src/supervisor/systemd/fence"];

/** Builds the executable at `path`, which appears whole or not at all; resolves with its licence texts. */
export async function buildExecutable(root: string, path: string): Promise<string> {
  const workshop = await mkdtemp(join(dirname(path), "executable-"));
  try {
    const program = await bundleProgram(root, workshop);
    const texts = await licences(root, program.packages);
    await writeFile(join(workshop, "licences.txt"), texts);
    const blob = await makeBlob(root, workshop, program);
    const executable = await strippedNode(root, workshop);
    const postject = join(root, "node_modules", "postject", "dist", "cli.js");
    await run(process.execPath, [postject, executable, RESOURCE, blob, "--sentinel-fuse", SENTINEL_FUSE]);
    const finished = join(workshop, "finished");
    await pipeline(
      createReadStream(executable, { highWaterMark: PIECE_BYTES }),
      createWriteStream(finished, { mode: 0o755 }),
    );
    await rename(finished, path);
    return texts;
  } finally {
    await rm(workshop, { recursive: true });
  }
}

/** Node's own symbols and debugging information are a seventh of it, and of use only to who has its sources. */
async function strippedNode(root: string, workshop: string): Promise<string> {
  const path = join(workshop, "node");
  await copyFile(join(root, "node_modules", "node", "bin", "node"), path);
  await run("strip", ["--strip-all", path]);
  return path;
}

async function makeBlob(root: string, workshop: string, program: Program): Promise<string> {
  const blob = join(workshop, "blob");
  const config = {
    main: program.loader,
    output: blob,
    disableExperimentalSEAWarning: true,
    // The loader lets the daemon begin anew with options of its own, which only the command line can pass on.
    execArgv: ["--disable-warning=ExperimentalWarning"],
    execArgvExtension: "cli",
    assets: {
      "program.js": program.text,
      "program.cache": program.codeCache,
      ...program.chunks,
      "licences.txt": join(workshop, "licences.txt"),
      ...(await companions(COMPANIONS.map((folder) => join(root, folder)))),
    },
  };
  const configFile = join(workshop, "sea.json");
  await writeFile(configFile, JSON.stringify(config));
  await run(process.execPath, ["--experimental-sea-config", configFile]);
  return blob;
}

async function companions(folders: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => [name, join(folder, name)] as const)),
  );
  const programs = found.flat().filter(([name]) => name.endsWith(".pl"));
  return Object.fromEntries(programs.map(([name, path]) => [`programs/${name}`, path]));
}
