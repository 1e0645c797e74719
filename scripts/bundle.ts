/**
 * Bundles the program for bin/flotilla, twice. `flotilla.js` is all of it, with rarely used parts in chunks of their own: a
 * daemon runs for long and keeps the text of what it has loaded. `cli.js` is one file without the daemon and `dev`: a
 * command ends at once, and to find and link a dozen files takes Node longer than to read one.
 *
 * Two builds at once, or a command that starts during a build, do no harm: chunks are named by their content and every
 * file is renamed into place whole, what is imported before what imports it.
 */
import { cp, mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { type BuildOptions, type BuildResult, build, type OutputFile } from "esbuild";
import { nodeModulesByCall } from "./node-modules-by-call.ts";
import { withoutDaemon } from "./without-daemon.ts";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");

/** Hold programs that are no JavaScript: the code that runs them looks beside its own file, so all lie in one folder. */
const COMPANIONS = ["src/supervisor/embedded/shim", "src/supervisor/systemd/fence"];

/** A running daemon may still load a chunk of the build it came from. */
const CHUNK_KEPT_MS = 24 * 60 * 60 * 1000;

type Bundle = BuildResult<{ write: false }>;

async function bundle(name: string, options: Pick<BuildOptions, "splitting" | "plugins">): Promise<Bundle> {
  return build({
    ...options,
    absWorkingDir: root,
    entryPoints: { [name]: "src/cli/main.ts" },
    outdir: dist,
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "esm",
    chunkNames: "[name]-[hash]",
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: false,
    legalComments: "none",
    logLevel: "warning",
    // Packages in CommonJS among the dependencies call require for Node's own modules.
    banner: {
      js: 'import{createRequire as flotillaRequire}from"node:module";const require=flotillaRequire(import.meta.url);',
    },
  });
}

async function place(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await write(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

const isChunk = (path: string): boolean => /-[A-Z0-9]{8}\.js$/.test(path);

function chunksFirst(a: OutputFile, b: OutputFile): number {
  return Number(isChunk(b.path)) - Number(isChunk(a.path));
}

async function removeOldChunks(current: readonly OutputFile[], nowMs: number): Promise<void> {
  const kept = new Set(current.map((file) => basename(file.path)));
  for (const name of await readdir(dist)) {
    if (kept.has(name) || !isChunk(name)) continue;
    const path = join(dist, name);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && nowMs - info.mtimeMs > CHUNK_KEPT_MS) await rm(path, { force: true });
  }
}

const startedMs = Date.now();
// esbuild has told what is wrong and where; its stack adds nothing to that.
const bundles = await Promise.all([
  bundle("flotilla", { splitting: true, plugins: [nodeModulesByCall] }),
  bundle("cli", { splitting: false, plugins: [nodeModulesByCall, withoutDaemon] }),
]).catch(() => process.exit(1));
const outputFiles = bundles.flatMap((built) => built.outputFiles);
for (const folder of COMPANIONS.map((path) => join(root, path))) {
  for (const name of (await readdir(folder)).filter((entry) => entry.endsWith(".pl")))
    await place(join(dist, name), (temporary) => cp(join(folder, name), temporary));
}
for (const file of outputFiles.toSorted(chunksFirst)) {
  await place(file.path, (temporary) => writeFile(temporary, file.contents));
}
// The stamp bears the time the build began: what was changed meanwhile is newer and causes the next build.
await place(join(dist, "built"), async (temporary) => {
  await writeFile(temporary, "");
  await utimes(temporary, startedMs / 1000, startedMs / 1000);
});
await removeOldChunks(outputFiles, startedMs);
// V8's compiled code of earlier builds would pile up; commands that run now do without it.
await rm(join(dist, "compile-cache"), { recursive: true, force: true });
console.log(`built ${relative(process.cwd(), dist) || "."} in ${Date.now() - startedMs} ms`);
