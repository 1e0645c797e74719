import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { optionsOfText, textOfOptions, type UnitOption } from "./options.ts";

const option = (section: string, name: string, value: string): UnitOption => ({ section, name, value });

describe("the text of options", () => {
  test("no options are no text", () => {
    expect(textOfOptions([])).toBe("");
  });

  test("a section ends with its last line", () => {
    expect(textOfOptions([option("Service", "ExecStart", "/bin/true")])).toBe(
      "[Service]\nExecStart=/bin/true\n",
    );
  });

  test("an empty line stands between sections", () => {
    expect(textOfOptions([option("Unit", "Description", "a"), option("Service", "Type", "exec")])).toBe(
      "[Unit]\nDescription=a\n\n[Service]\nType=exec\n",
    );
  });

  test("options of one section are together where it came first, in the order given", () => {
    const options = [
      option("Unit", "After", "b.service"),
      option("X-Fleet", "Global", "true"),
      option("Unit", "After", "a.service"),
    ];
    expect(textOfOptions(options)).toBe(
      "[Unit]\nAfter=b.service\nAfter=a.service\n\n[X-Fleet]\nGlobal=true\n",
    );
  });

  test("an empty value, which takes back those before it, is kept", () => {
    expect(textOfOptions([option("Service", "ExecStart", "")])).toBe("[Service]\nExecStart=\n");
  });
});

describe("the options of a text", () => {
  test("comments and empty lines are none", () => {
    expect(optionsOfText("# a\n[Unit]\n; b\n\nDescription=c\n")).toEqual([
      option("Unit", "Description", "c"),
    ]);
  });

  test("blanks around names and values are not part of them", () => {
    expect(optionsOfText("[Unit]\n  Description =  a b  \n")).toEqual([option("Unit", "Description", "a b")]);
  });

  test("a value over several lines keeps how it was written", () => {
    const text = "[Service]\nExecStart=/bin/sh -c \\\n  'exit 0'\n";
    expect(optionsOfText(text)).toEqual([option("Service", "ExecStart", "/bin/sh -c \\\n  'exit 0'")]);
  });

  test("a key that stands several times is several options", () => {
    expect(optionsOfText("[Service]\nEnvironment=A=1\nEnvironment=B=2\n")).toEqual([
      option("Service", "Environment", "A=1"),
      option("Service", "Environment", "B=2"),
    ]);
  });

  test("a section that comes again goes on", () => {
    expect(optionsOfText("[Unit]\nA=1\n[Service]\nB=2\n[Unit]\nC=3\n").map(({ section }) => section)).toEqual(
      ["Unit", "Service", "Unit"],
    );
  });

  test("a text that is none has none", () => {
    expect(optionsOfText("junk\n")).toEqual([]);
  });
});

describe("there and back", () => {
  const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
  const value = fc.stringMatching(/^(?:[!-[\]-~](?:[ -[\]-~]{0,20}[!-[\]-~])?)?$/);
  const options = fc.array(fc.record({ section: word, name: word, value }), { maxLength: 12 });

  test("what is read from the text of options are these options, by section", () => {
    fc.assert(
      fc.property(options, (given) => {
        const grouped = [...Map.groupBy(given, ({ section }) => section).values()].flat();
        expect(optionsOfText(textOfOptions(given))).toEqual(grouped);
      }),
    );
  });

  test("a text that was made so stays as it is, so that its hash does", () => {
    fc.assert(
      fc.property(options, (given) => {
        const text = textOfOptions(given);
        expect(textOfOptions(optionsOfText(text))).toBe(text);
      }),
    );
  });
});
