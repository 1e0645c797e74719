/**
 * The program of the single executable: in one script what most commands run, with V8's cache of its compiled code, and
 * in chunks all of it for what runs for long. Packages that few commands need are scripts of their own: they would be most
 * of what every command reads.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin, transform } from "esbuild";
import { nodeModulesByCall } from "../node-modules-by-call.ts";
import { withoutDaemon } from "../without-daemon.ts";

const run = promisify(execFile);

/** Files in the workshop. */
export interface Program {
  /** What Node runs, and what it loads: see loader.ts. */
  readonly loader: string;
  readonly text: string;
  readonly codeCache: string;
  /** All of the program, by the names that they ask for each other by; `flotilla.js` is the first. */
  readonly chunks: Readonly<Record<string, string>>;
  /** Folders below node_modules whose code is in it. */
  readonly packages: readonly string[];
}

/** Those that a command loads only when it needs them; the program asks for them by these paths. */
const RARE_PACKAGES = ["yaml", "zod"];
const RARE_FOLDER = "./packages/";

/** How long the commands may take that V8's cache is made by. */
const WARM_MS = 60_000;

const HERE = "scripts/executable";
const MAIN = "src/cli/main.ts";

/** Around each script, so that the loader can give it its own `require`. */
const WRAPPER = { before: "(function(require,module){var exports=module.exports;", after: "})" };

export async function bundleProgram(root: string, workshop: string): Promise<Program> {
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
    plugins: [nodeModulesByCall],
    // A folder that the executable does not have; programFolder() looks inside the executable first.
    define: { "import.meta.dirname": '""', DAEMON_START: JSON.stringify(await readDaemonStart(root)) },
    logOverride: { "empty-import-meta": "error" },
  };
  const loader = join(workshop, "loader.js");
  await build({ ...common, format: "cjs", entryPoints: [`${HERE}/loader.ts`], outfile: loader });
  const { chunks, packages } = await bundleChunks(common, workshop);
  const rare = await bundleRarePackages(common, root, workshop);
  const commands = await bundleCommands(common, workshop);
  return { loader, ...commands, chunks: { ...chunks, ...rare }, packages };
}

const WRAPPED = { banner: { js: WRAPPER.before }, footer: { js: WRAPPER.after } };

async function bundleRarePackages(
  common: BuildOptions,
  root: string,
  workshop: string,
): Promise<Readonly<Record<string, string>>> {
  const bundled = RARE_PACKAGES.map(async (name) => {
    const outfile = join(workshop, RARE_FOLDER, `${name}.js`);
    const stdin = { contents: `export * from "${name}";`, resolveDir: root };
    await build({ ...common, ...WRAPPED, format: "cjs", stdin, outfile });
    return [`${basename(RARE_FOLDER)}/${name}.js`, outfile] as const;
  });
  return Object.fromEntries(await Promise.all(bundled));
}

const rarePackagesApart: Plugin = {
  name: "rare-packages-apart",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^[a-z]/ }, ({ path }) =>
      RARE_PACKAGES.includes(path) ? { path: `${RARE_FOLDER}${path}.js`, external: true } : undefined,
    );
  },
};

/** The program of most commands, in one script: to find and link dozens takes longer than to read one. */
async function bundleCommands(
  common: BuildOptions,
  workshop: string,
): Promise<Pick<Program, "text" | "codeCache">> {
  const text = join(workshop, "program.js");
  await build({
    ...common,
    ...WRAPPED,
    format: "cjs",
    supported: { "dynamic-import": false },
    plugins: [...(common.plugins ?? []), withoutDaemon, rarePackagesApart],
    entryPoints: [MAIN],
    outfile: text,
  });
  // In a checkout, whose package.json says that what ends in .js is a module.
  const warm = join(workshop, "warm.cjs");
  await build({ ...common, format: "cjs", entryPoints: [`${HERE}/warm.ts`], outfile: warm });
  const codeCache = join(workshop, "program.cache");
  await run(process.execPath, [warm, text, codeCache, workshop], { timeout: WARM_MS });
  return { text, codeCache };
}

/** All of the program, with what is rarely used in chunks of its own. */
async function bundleChunks(
  common: BuildOptions,
  workshop: string,
): Promise<Pick<Program, "chunks" | "packages">> {
  // Only modules can be split, so each is made a script afterwards.
  const { outputFiles, metafile } = await build({
    ...common,
    format: "esm",
    splitting: true,
    entryPoints: { flotilla: MAIN },
    outdir: join(workshop, "chunks"),
    chunkNames: "[name]-[hash]",
    write: false,
    metafile: true,
  });
  await mkdir(join(workshop, "chunks"));
  const chunks = await Promise.all(outputFiles.map(writeChunk));
  return { chunks: Object.fromEntries(chunks), packages: packagesOf(metafile) };
}

async function writeChunk({ path, text }: OutputFile): Promise<readonly [name: string, path: string]> {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: "node24",
    supported: { "dynamic-import": false },
    minifyWhitespace: true,
    minifySyntax: true,
    banner: WRAPPER.before,
    footer: WRAPPER.after,
    logOverride: { "empty-import-meta": "error" },
  });
  await writeFile(path, code);
  return [basename(path), path];
}

/** What bin/daemon.env says, as the loader wants it. */
async function readDaemonStart(root: string): Promise<DaemonStart> {
  const lines = (await readFile(join(root, "bin", "daemon.env"), "utf8")).split("\n");
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^(\w+)="?([^"]*)"?$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value ?? ""] as const];
  });
  const { V8_OPTIONS: options = "", ...environment } = Object.fromEntries(pairs);
  return { options, environment };
}

/** How the loader starts the daemon anew. */
export interface DaemonStart {
  readonly options: string;
  readonly environment: Readonly<Record<string, string>>;
}

function packagesOf({ inputs }: Metafile): readonly string[] {
  const folders = Object.keys(inputs).flatMap(
    // Where node_modules is a link, esbuild names what is behind it.
    (path) => /(?<=^|\/)node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}
