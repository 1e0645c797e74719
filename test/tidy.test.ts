/** What the linters cannot say: rules of the source as a whole. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

const root = dirname(import.meta.dirname);
const self = "test/tidy.test.ts";

/** Every file that git knows or would add. */
function files(): readonly string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const { stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return stdout.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));
}

const text = new Map(files().map((file) => [file, readFileSync(join(root, file), "utf8")]));
const code = [...text.keys()].filter((file) => /\.(ts|mjs|pl)$/.test(file));
const sources = code.filter((file) => file.startsWith("src/") && !file.endsWith(".test.ts"));

/** `file:line` of each line of `paths` that matches. */
function linesWith(pattern: RegExp, paths: Iterable<string>): readonly string[] {
  return [...paths].flatMap((file) =>
    (text.get(file) ?? "")
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  );
}

describe("the source", () => {
  test("is where it is looked for", () => {
    expect(sources.length).toBeGreaterThan(10);
  });

  test("has no file over 500 lines", () => {
    expect(code.filter((file) => (text.get(file) ?? "").split("\n").length > 501)).toEqual([]);
  });

  test("silences no checker", () => {
    const silencers = /@ts-(ignore|nocheck|expect-error)|(oxlint|eslint)-disable/;
    expect(
      linesWith(
        silencers,
        code.filter((file) => file !== self),
      ),
    ).toEqual([]);
  });

  test("has no drawer folders", () => {
    expect([...text.keys()].filter((file) => /(^|\/)(utils?|helpers?|lib|common|misc)\//.test(file))).toEqual(
      [],
    );
  });

  test("names no paths of one person's machine", () => {
    expect(
      linesWith(
        /(^|[\s"'`(=])\/(work|farm|Users)\//,
        [...text.keys()].filter((file) => file !== self),
      ),
    ).toEqual([]);
  });

  test("begins every file with a comment that says what is in it", () => {
    const bare = sources.filter((file) => !/^(#!.*\n)?(\/\*\*|#)/.test(text.get(file) ?? ""));
    expect(bare).toEqual([]);
  });

  test("imports zod whole, so that the bundle can leave out what is not used of it", () => {
    expect(linesWith(/import (type )?\{.*\} from "zod"/, sources)).toEqual([]);
  });

  test("keeps relative imports within a folder of src/", () => {
    const leaving = sources.flatMap((file) => {
      const imports = (text.get(file) ?? "").matchAll(/(?:from|import\()\s*"(\.\.?\/[^"]+)"/g);
      const folderOf = (path: string): string => path.split("/").slice(0, 2).join("/");
      return [...imports]
        .filter(([, to = ""]) => folderOf(normalize(join(dirname(file), to))) !== folderOf(file))
        .map(([, to]) => `${file} ${to}`);
    });
    expect(leaving).toEqual([]);
  });
});

/** What headings are linked to by: lower case, a dash for each blank, and no marks. */
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the documents", () => {
  test("link only to files that are there", () => {
    const documents = [...text.keys()].filter((file) => file.endsWith(".md"));
    const broken = documents.flatMap((file) => {
      const links = (text.get(file) ?? "").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g);
      return [...links]
        .filter(([, to = ""]) => !existsSync(join(root, dirname(file), to)))
        .map(([, to]) => `${file}: ${to}`);
    });
    expect(broken).toEqual([]);
  });

  test("link only to headings that are there", () => {
    const broken = [...text.keys()]
      .filter((file) => file.endsWith(".md"))
      .flatMap((file) => {
        const links = (text.get(file) ?? "").matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g);
        return [...links]
          .filter(([, to = "", heading = ""]) => {
            const target = to === "" ? file : normalize(join(dirname(file), to));
            return !anchorsOf(text.get(target) ?? "").includes(heading);
          })
          .map(([link]) => `${file}: ${link}`);
      });
    expect(broken).toEqual([]);
  });

  test("tell the import directions of every folder of src/", () => {
    const table = text.get("docs/architecture.md") ?? "";
    const folders = new Set(sources.map((file) => file.split("/")[1] ?? ""));
    expect([...folders].filter((folder) => !table.includes(`\`${folder}/\``))).toEqual([]);
  });
});
