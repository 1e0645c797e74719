import { describe, expect, test } from "vitest";
import type { PathSpec } from "#unit/read-path.ts";
import { checkPaths, type PathLook, WATCHED } from "./path-check.ts";

/** A file system of these paths; one that ends in a slash is a directory with something in it. */
function look(...paths: readonly string[]): PathLook {
  return {
    exists: (path) => paths.includes(path),
    firstMatch: (pattern) => paths.find((path) => path.startsWith(pattern.replace("*", ""))),
    isOccupied: (directory) => paths.includes(`${directory}/`),
  };
}

const spec = (kind: PathSpec["kind"], path = "/a"): PathSpec => ({ kind, path });

describe("what is there starts the unit, at the start of the path unit as later", () => {
  test.each<[PathSpec, string, string | undefined]>([
    [spec("PathExists"), "/a", "/a"],
    [spec("PathExists"), "/b", undefined],
    [spec("PathExistsGlob", "/a*"), "/abc", "/abc"],
    [spec("PathExistsGlob", "/a*"), "/b", undefined],
    [spec("DirectoryNotEmpty"), "/a/", "/a"],
    [spec("DirectoryNotEmpty"), "/a", undefined],
  ])("%j with %s", (one, path, trigger) => {
    for (const isFresh of [true, false]) {
      expect(checkPaths([one], look(path), [], isFresh).trigger).toBe(trigger);
    }
  });
});

describe.each<PathSpec["kind"]>(["PathChanged", "PathModified"])("%s", (kind) => {
  test("is not about what is there at the start", () => {
    expect(checkPaths([spec(kind)], look("/a"), [], true)).toEqual({ existed: [true] });
    expect(checkPaths([spec(kind)], look("/a"), [true], false)).toEqual({ existed: [true] });
  });

  test("is about what has come or gone since", () => {
    expect(checkPaths([spec(kind)], look("/a"), [false], false)).toEqual({ trigger: "/a", existed: [true] });
    expect(checkPaths([spec(kind)], look(), [true], false)).toEqual({ trigger: "/a", existed: [false] });
  });
});

test("the first that holds is told", () => {
  const specs = [spec("PathExists", "/a"), spec("PathExists", "/b"), spec("PathExists", "/c")];
  expect(checkPaths(specs, look("/b", "/c"), [], true).trigger).toBe("/b");
});

test("only PathModified= asks for writes, and only changes for closes", () => {
  const modify = 0x2;
  const closeWrite = 0x8;
  const asking = (mask: number): readonly string[] =>
    Object.entries(WATCHED).flatMap(([kind, watched]) => ((watched & mask) === 0 ? [] : [kind]));
  expect(asking(modify)).toEqual(["PathModified"]);
  expect(asking(closeWrite)).toEqual(["PathChanged", "PathModified"]);
});
