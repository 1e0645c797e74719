/** The program of the single executable: all of it in one script, and the compiled code of what every command runs. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { nodeModulesByCall } from "../node-modules-by-call.ts";

const run = promisify(execFile);

/** Files in the workshop. */
export interface Program {
  /** What Node runs, and what it loads: see loader.ts. */
  readonly loader: string;
  readonly text: string;
  readonly codeCache: string;
  /** Folders below node_modules whose code is in it. */
  readonly packages: readonly string[];
}

/**
 * A command that loads what most commands load, ran to make V8's cache; its code is the rest's only by being there
 * already. There is no such socket, so it does nothing.
 */
const TYPICAL_COMMAND = ["list-units", "--endpoint", "unix:/nonexistent"];

export async function bundleProgram(root: string, workshop: string): Promise<Program> {
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
    plugins: [nodeModulesByCall],
    // A folder that the executable does not have; programFolder() looks inside the executable first.
    define: { "import.meta.dirname": '""', DAEMON_START: JSON.stringify(await readDaemonStart(root)) },
    logOverride: { "empty-import-meta": "error" },
  };
  const [loader, text, warm] = ["loader", "program", "warm"].map((name) => join(workshop, `${name}.js`));
  if (loader === undefined || text === undefined || warm === undefined) throw new TypeError("three files");
  const here = "scripts/executable";
  await build({ ...common, entryPoints: [`${here}/loader.ts`], outfile: loader });
  await build({ ...common, entryPoints: [`${here}/warm.ts`], outfile: warm });
  const { metafile } = await build({
    ...common,
    entryPoints: ["src/cli/main.ts"],
    outfile: text,
    metafile: true,
    banner: { js: "(function(require){var module={exports:{}};" },
    footer: { js: "})" },
  });
  const codeCache = join(workshop, "program.cache");
  // The command ends with the exit code of a daemon that does not answer.
  await run(process.execPath, [warm, text, codeCache, ...TYPICAL_COMMAND]).catch(() => {});
  return { loader, text, codeCache, packages: packagesOf(metafile) };
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
    (path) => /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}
