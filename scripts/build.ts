/** `npm run build`: the single executable `dist/flotilla`; with `--deb` also the Debian package of it. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { buildExecutable } from "./executable/executable.ts";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");

const { values } = parseArgs({ options: { deb: { type: "boolean", default: false } } });
await mkdir(dist, { recursive: true });
const executable = join(dist, "flotilla");
const licences = await buildExecutable(root, executable);
await tell(executable);
if (values.deb) {
  const { buildDeb } = await import("./package/deb.ts");
  await tell(await buildDeb({ executable, licences }, dist));
}

async function tell(path: string): Promise<void> {
  const { size } = await stat(path);
  console.log(`built ${relative(process.cwd(), path)} (${(size / 1e6).toFixed(1)} MB)`);
}
