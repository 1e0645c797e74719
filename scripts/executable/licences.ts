/** The licence texts of all that is in the single executable, which has to carry them wherever it goes. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Our own, Node's with what is in Node, and those of the packages, by their folders below the root. */
export async function licences(root: string, packages: readonly string[]): Promise<string> {
  const own = await readFile(join(root, "LICENSE"), "utf8");
  // Node's package has the program only, so its text is kept with ours.
  const node = await readFile(join(root, "scripts", "licences", "node.txt"), "utf8");
  const others = await Promise.all(packages.map((folder) => packageLicence(join(root, folder), folder)));
  return [section("Flotilla", own), section("Node.js", node), ...others].join("\n");
}

async function packageLicence(path: string, folder: string): Promise<string> {
  const about: unknown = JSON.parse(await readFile(join(path, "package.json"), "utf8"));
  const { version, license } = { version: "", license: "", ...(about instanceof Object ? about : {}) };
  const names = (await readdir(path)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const texts = await Promise.all(names.sort().map((name) => readFile(join(path, name), "utf8")));
  const name = folder.split("node_modules/").at(-1);
  return section(`${name} ${version} (${license})`, texts.join("\n"));
}

function section(title: string, text: string): string {
  return `${"=".repeat(80)}\n${title}\n${"=".repeat(80)}\n\n${text.trim()}\n`;
}
