/**
 * The Debian package: the executable with what a Debian machine expects beside it, packed by dpkg-deb.
 *
 * The service's text, the completions and the manual come from where the program has them; the maintainer scripts stand
 * beside this file. Nothing in them stops a unit.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { VERSION } from "#base/version.ts";
import { COMMANDS } from "#cli/commands.ts";
import { COMPLETIONS } from "#cli/completion.ts";
import { GLOBAL_OPTIONS } from "#cli/program.ts";
import { SERVICE_NAME, SETTINGS_FILE, SETTINGS_TEXT, serviceFile } from "#install/service.ts";
import { manualPage } from "./manual.ts";

const run = promisify(execFile);

const PROGRAM = "/usr/bin/flotilla";
const SCRIPTS = ["postinst", "prerm", "postrm"];

/** Debian's names of what Node calls the architecture. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x64", "amd64"],
  ["arm64", "arm64"],
  ["ppc64", "ppc64el"],
  ["s390x", "s390x"],
]);

export interface PackageParts {
  readonly executable: string;
  /** The texts of what is in it. */
  readonly licences: string;
  /** The executable's, where it is of another version than this program. */
  readonly version?: string;
  /** How small: none is for tests, which unpack it at once. */
  readonly compression?: "xz" | "none";
}

/** Packs the executable into `folder`; resolves with the package's path. */
export async function buildDeb(parts: PackageParts, folder: string): Promise<string> {
  const { version = VERSION } = parts;
  const architecture = ARCHITECTURES.get(process.arch) ?? process.arch;
  const path = join(folder, `flotilla_${version}_${architecture}.deb`);
  const tree = await mkdtemp(join(folder, "deb-"));
  try {
    await chmod(tree, 0o755);
    const files = packageFiles(parts.licences);
    for (const [name, content] of files) await put(tree, name, content, 0o644);
    await mkdir(join(tree, dirname(PROGRAM)), { recursive: true });
    await copyFile(parts.executable, join(tree, PROGRAM));
    const names = [...files.keys(), PROGRAM];
    const text = control(version, architecture, await sizeOf(tree, names));
    await put(tree, "/DEBIAN/control", text, 0o644);
    await put(tree, "/DEBIAN/conffiles", `${SETTINGS_FILE}\n`, 0o644);
    await put(tree, "/DEBIAN/md5sums", await md5sums(tree, names), 0o644);
    for (const script of SCRIPTS)
      await put(tree, `/DEBIAN/${script}`, await readFile(join(import.meta.dirname, script)), 0o755);
    // The strongest compression takes a minute to save a tenth.
    const packing = parts.compression === "none" ? ["-Znone"] : ["-Zxz", "-z1"];
    await run("dpkg-deb", ["--root-owner-group", ...packing, "--build", tree, `${tree}.deb`]);
    await rename(`${tree}.deb`, path);
    return path;
  } finally {
    await rm(tree, { recursive: true });
  }
}

/** What is beside the executable, by its path on the machine. */
function packageFiles(licences: string): ReadonlyMap<string, string | Uint8Array> {
  const manual = manualPage(COMMANDS, GLOBAL_OPTIONS, VERSION);
  const service = serviceFile({
    program: PROGRAM,
    supervisor: "systemd",
    origin: "Of the package flotilla; to change it: systemctl edit flotilla",
  });
  return new Map<string, string | Uint8Array>([
    [`/lib/systemd/system/${SERVICE_NAME}`, service],
    [SETTINGS_FILE, SETTINGS_TEXT],
    ["/usr/share/bash-completion/completions/flotilla", COMPLETIONS.get("bash") ?? ""],
    ["/usr/share/zsh/vendor-completions/_flotilla", COMPLETIONS.get("zsh") ?? ""],
    ["/usr/share/fish/vendor_completions.d/flotilla.fish", COMPLETIONS.get("fish") ?? ""],
    ["/usr/share/man/man1/flotilla.1.gz", gzipSync(manual)],
    ["/usr/share/doc/flotilla/copyright", licences],
  ]);
}

async function put(tree: string, path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const place = join(tree, path);
  await mkdir(dirname(place), { recursive: true });
  await writeFile(place, content);
  // Whatever mask the builder works under.
  await chmod(place, mode);
}

/** The C and C++ libraries are those that Node itself asks for. */
function control(version: string, architecture: string, kilobytes: number): string {
  return `Package: flotilla
Version: ${version}
Architecture: ${architecture}
Maintainer: The Flotilla authors <flotilla@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libstdc++6 (>= 8), perl-base, init-system-helpers
Recommends: dbus
Suggests: etcd-server
Section: admin
Priority: optional
Description: a set of Linux machines as one init system
 Flotilla takes systemd unit files, decides which machine runs each, starts it
 there, keeps it running when machines die, and says why for every decision.
 One executable is the daemon and the command line.
`;
}

async function sizeOf(tree: string, names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(tree, name))).size));
  return Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}

/** What `dpkg --verify` compares with. */
async function md5sums(tree: string, names: readonly string[]): Promise<string> {
  const lines = names.map(async (name) => {
    const hash = createHash("md5").update(await readFile(join(tree, name)));
    return `${hash.digest("hex")}  ${name.slice(1)}\n`;
  });
  return (await Promise.all(lines)).join("");
}
