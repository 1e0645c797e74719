import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignedValues } from "../../test/conformance/unit/assigned.ts";
import { dropInDirectories, mergeDropIns, typeDropInDirectory } from "./drop-ins.ts";
import { parseUnitFile } from "./unit-file.ts";
import { verifyUnit } from "./verify.ts";

describe("dropInDirectories", () => {
  test("a plain unit has its own directory only", () => {
    expect(dropInDirectories("web.service")).toEqual(["web.service.d"]);
    expect(typeDropInDirectory("web.service")).toBe("service.d");
  });

  test("every dash ends a prefix", () => {
    expect(dropInDirectories("foo-bar-baz.service")).toEqual([
      "foo-bar-baz.service.d",
      "foo-bar-.service.d",
      "foo-.service.d",
    ]);
  });

  test("a dash at the end of a prefix ends no further prefix", () => {
    expect(dropInDirectories("foo--b-.service")).toEqual([
      "foo--b-.service.d",
      "foo--.service.d",
      "foo-.service.d",
    ]);
  });

  test("an instance has its template's with all their prefixes before its own prefixes", () => {
    expect(dropInDirectories("foo-bar-baz@x-y.service")).toEqual([
      "foo-bar-baz@x-y.service.d",
      "foo-bar-baz@.service.d",
      "foo-bar-.service.d",
      "foo-.service.d",
      "foo-bar-@x-y.service.d",
      "foo-bar-@.service.d",
      "foo-@x-y.service.d",
      "foo-@.service.d",
    ]);
  });

  test("dashes of the instance end no prefix", () => {
    expect(dropInDirectories("a@b-c.service")).toEqual(["a@b-c.service.d", "a@.service.d"]);
  });

  test(".wants directories are looked up the same way", () => {
    expect(dropInDirectories("a@1.target", ".wants")).toEqual(["a@1.target.wants", "a@.target.wants"]);
  });

  test("a name of dashes alone ends", () => {
    expect(dropInDirectories("---.service")).toEqual(["---.service.d", "--.service.d", "-.service.d"]);
  });
});

const main = { path: "web.service", text: "[Service]\nExecStart=/bin/a\n" };

function merge(...texts: readonly string[]) {
  return mergeDropIns(
    main,
    texts.map((text, index) => ({ path: `web.service.d/${index}.conf`, text })),
  );
}

describe("mergeDropIns", () => {
  test("without drop-ins the text is the file's", () => {
    expect(mergeDropIns({ path: "a", text: "\uFEFF[Unit]" }, []).text).toBe("\uFEFF[Unit]");
  });

  test("each part stands under a comment with its name", () => {
    expect(merge("[Service]\nUser=x").text).toBe(
      "# web.service\n[Service]\nExecStart=/bin/a\n\n# web.service.d/0.conf\n[Service]\nUser=x\n",
    );
  });

  test("an empty assignment and a new one replace a command", () => {
    const { text } = merge("[Service]\nExecStart=\nExecStart=/bin/b");
    expect(assignedValues(parseUnitFile(text), "Service", "ExecStart")).toEqual(["/bin/b"]);
  });

  test("a drop-in goes on in no section, whatever the file ended in", () => {
    const merged = merge("User=x\n[Service]\nGroup=y\n");
    const file = parseUnitFile(merged.text);
    expect(file.last("Service", "User")).toBeUndefined();
    expect(file.last("Service", "Group")).toBe("y");
    expect(merged.diagnostics).toMatchObject([
      {
        message: "Assignment outside of section. Ignoring.",
        place: { file: "web.service.d/0.conf", line: 1 },
      },
    ]);
  });

  test("a file that ends in a continuation does not swallow the drop-in", () => {
    const open = { path: "a.service", text: "[Service]\nExecStart=/bin/a \\" };
    const { text } = mergeDropIns(open, [{ path: "b", text: "[Service]\nUser=x\n" }]);
    expect(parseUnitFile(text).last("Service", "ExecStart")).toBe("/bin/a");
    expect(parseUnitFile(text).last("Service", "User")).toBe("x");
  });

  test("a drop-in with a broken header counts up to it and spoils nothing", () => {
    const merged = merge("[Service]\nUser=x\n[Broken\nUser=y\n", "[Service]\nGroup=z\n");
    const file = parseUnitFile(merged.text);
    expect(file.diagnostics).toEqual([]);
    expect(assignedValues(file, "Service", "User")).toEqual(["x"]);
    expect(file.last("Service", "Group")).toBe("z");
    expect(merged.diagnostics).toMatchObject([
      { severity: "warning", message: "Invalid section header '[Broken'", place: { line: 3 } },
    ]);
  });

  test("the byte order mark of a drop-in is left out", () => {
    expect(parseUnitFile(merge("\uFEFF[Service]\nUser=x").text).last("Service", "User")).toBe("x");
  });

  test("nothing is added to a masked unit", () => {
    expect(mergeDropIns({ path: "a", text: "" }, [{ path: "b", text: "[Unit]\n" }]).text).toBe("");
  });

  test("places point into the part a line came from", () => {
    const { text, locate } = merge("[Service]\n\nUsr=x\n", "# note\n[Service]\nGrup=x");
    const places = verifyUnit("web.service", text).map(({ place }) => locate(place));
    expect(places).toMatchObject([
      { file: "web.service.d/0.conf", line: 3, source: "Usr=x" },
      { file: "web.service.d/1.conf", line: 3, source: "Grup=x" },
    ]);
  });

  test("places in the unit file itself keep their lines", () => {
    const broken = { path: "dir/web.service", text: "[Service]\nExecStart=/bin/a\nUsr=x\n" };
    const { text, locate } = mergeDropIns(broken, [{ path: "b", text: "[Unit]\n" }]);
    expect(verifyUnit("web.service", text).map(({ place }) => locate(place))).toMatchObject([
      { file: "dir/web.service", line: 3 },
    ]);
  });

  test("the merged text holds the assignments of all parts in order", () => {
    const assignment = fc.constantFrom("A=1", "A=", "B=2", "", "# c", "C=x \\", "junk", "=y");
    const part = fc
      .tuple(fc.constantFrom("Unit", "Service", "X-A"), fc.array(assignment))
      .map(([section, lines]) => [`[${section}]`, ...lines].join("\n"));
    const entries = (text: string) =>
      parseUnitFile(text).entries.map(({ section, key, value }) => [section, key, value]);
    fc.assert(
      fc.property(part, fc.array(part, { maxLength: 4 }), (text, dropIns) => {
        const merged = mergeDropIns(
          { path: "m", text },
          dropIns.map((each, index) => ({ path: `d${index}`, text: each })),
        );
        expect(entries(merged.text)).toEqual([text, ...dropIns].flatMap(entries));
      }),
    );
  });
});
