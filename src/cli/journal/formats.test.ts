import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { JournalLine } from "#api/bodies.ts";
import { formatExport } from "./export.ts";
import { formatJournalLine, type JournalFormat, parseJournalFormat } from "./formats.ts";
import { formatJson } from "./json.ts";

beforeAll(() => {
  process.env.TZ = "UTC";
});

const ESC = "\u001B";
const plain = { all: false, paint: (_: unknown, text: string) => text };

function line(changes: Partial<JournalLine> = {}): JournalLine {
  return {
    cursor: "cursor",
    timeUs: Date.UTC(2026, 10, 3, 4, 5, 6) * 1000 + 789,
    unit: "web@1.service",
    machine: "1".repeat(32),
    machineName: "m1",
    origin: "unit",
    priority: 6,
    pid: 7,
    identifier: "nginx",
    message: "hello",
    fields: { __CURSOR: "cursor", __MONOTONIC_TIMESTAMP: "12345678", MESSAGE: "hello" },
    ...changes,
  };
}

const shown = (format: JournalFormat, changes: Partial<JournalLine> = {}, all = false): string =>
  Buffer.from(formatJournalLine(line(changes), format, { ...plain, all })).toString();

describe("a line is shown as journalctl shows it", () => {
  test.each<[JournalFormat, string]>([
    ["short", "Nov 03 04:05:06 m1 nginx[7]: hello\n"],
    ["short-precise", "Nov 03 04:05:06.000789 m1 nginx[7]: hello\n"],
    ["short-iso", "2026-11-03T04:05:06+0000 m1 nginx[7]: hello\n"],
    ["short-iso-precise", "2026-11-03T04:05:06.000789+0000 m1 nginx[7]: hello\n"],
    ["short-full", "Tue 2026-11-03 04:05:06 UTC m1 nginx[7]: hello\n"],
    ["short-unix", "1793678706.000789 m1 nginx[7]: hello\n"],
    ["short-monotonic", "[   12.345678] m1 nginx[7]: hello\n"],
    ["with-unit", "Tue 2026-11-03 04:05:06 UTC m1 web@1.service[7]: hello\n"],
    ["cat", "hello\n"],
    ["verbose", "Tue 2026-11-03 04:05:06.000789 UTC [cursor]\n    MESSAGE=hello\n"],
    ["json", '{"__CURSOR":"cursor","__MONOTONIC_TIMESTAMP":"12345678","MESSAGE":"hello"}\n'],
  ])("with -o %s", (format, text) => {
    expect(shown(format)).toBe(text);
  });

  test.each<[string, Partial<JournalLine>, string]>([
    ["without a process", { pid: undefined }, "nginx: hello"],
    ["of nobody", { identifier: "", pid: undefined }, "unknown: hello"],
    ["in several lines, the others below the first", { message: "a\nb" }, `nginx[7]: a\n${" ".repeat(29)}b`],
    ["with tabs", { message: "a\tb" }, "nginx[7]: a        b"],
    ["without a terminal's colours", { message: `${ESC}[1;31mred${ESC}[0m!` }, "nginx[7]: red!"],
    ["without a terminal's title", { message: `${ESC}]0;title\u0007text` }, "nginx[7]: text"],
    ["that cannot be printed, by its size", { message: "a\u0001b" }, "nginx[7]: [3B blob data]"],
    [
      "that is no text, by its size",
      { message: "\uFFFD", fields: { MESSAGE: Array.from({ length: 1536 }, () => 255) } },
      "nginx[7]: [1.5K blob data]",
    ],
  ])("%s", (_, changes, text) => {
    expect(shown("short", { fields: {}, ...changes })).toBe(`Nov 03 04:05:06 m1 ${text}\n`);
  });

  test("about a unit is the supervisor's, with -o with-unit", () => {
    expect(shown("with-unit", { origin: "supervisor" })).toContain(" m1 init.scope[7]: hello");
  });

  test("as it is, with -a", () => {
    expect(shown("short", { message: "a\u0001\tb" }, true)).toBe("Nov 03 04:05:06 m1 nginx[7]: a\u0001\tb\n");
  });

  test("with its own bytes, with -o cat", () => {
    const bytes = formatJournalLine(line({ fields: { MESSAGE: [255, 254] } }), "cat", plain);
    expect([...Buffer.from(bytes)]).toEqual([255, 254, 10]);
  });

  test.each([
    [0, "bold red"],
    [3, "bold red"],
    [4, "bold yellow"],
    [5, "bold"],
    [6, ""],
    [7, "dim"],
  ])("a message of priority %i is %j", (priority, look) => {
    let seen = "";
    const paint = (looks: string | readonly string[], text: string): string => {
      seen = typeof looks === "string" ? looks : looks.join(" ");
      return text;
    };
    formatJournalLine(line({ priority }), "short", { all: false, paint });
    expect(seen).toBe(look);
  });
});

test("what is no format is refused with the nearest that is", () => {
  expect(() => parseJournalFormat("jason")).toThrow(
    expect.objectContaining({ code: "usage", hint: "did you mean -o json?" }),
  );
  expect(parseJournalFormat(undefined)).toBe("short");
});

describe("JSON", () => {
  test.each<[string, Parameters<typeof formatJson>[0], unknown]>([
    ["text is a string", { A: "ä\n\t" }, { A: "ä\n\t" }],
    ["what cannot be printed is its bytes", { A: "\u0001" }, { A: [1] }],
    ["what is no text is its bytes", { A: [255] }, { A: [255] }],
    ["what is there several times is an array", { A: ["x", [255]] }, { A: ["x", [255]] }],
    ["what is too long is null", { AB: "x".repeat(4093) }, { AB: null }],
    ["what just fits is there", { AB: "x".repeat(4092) }, { AB: "x".repeat(4092) }],
    ["an address is never too long", { __CURSOR: "x".repeat(5000) }, { __CURSOR: "x".repeat(5000) }],
  ])("%s", (_, fields, json) => {
    expect(JSON.parse(formatJson(fields, false))).toEqual(json);
  });

  test("with --all nothing is too long", () => {
    expect(JSON.parse(formatJson({ A: "x".repeat(5000) }, true))).toEqual({ A: "x".repeat(5000) });
  });
});

describe("the export format", () => {
  test("has a line for text, a length and bytes for the rest, and an empty line at the end", () => {
    const length = (bytes: number): string => `${String.fromCharCode(bytes)}${"\0".repeat(7)}`;
    const text = Buffer.from(formatExport({ B: "b\nc", A: "a=1", __CURSOR: "x" })).toString("latin1");
    expect(text).toBe(`__CURSOR=x\nB\n${length(3)}b\nc\nA=a=1\n\n`);
  });

  test("is read back as it was, whatever the values hold", () => {
    const bytes = fc.uint8Array({ minLength: 1 }).map((value) => [...value]);
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      bytes,
      fc.array(fc.string(), { minLength: 2 }),
    );
    const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/);
    fc.assert(
      fc.property(fc.dictionary(name, value), (fields) => {
        const wanted = Object.entries(fields).map(([key, values]) => [key, toBytes(values)]);
        expect(Object.fromEntries(readExport(Buffer.from(formatExport(fields))))).toEqual(
          Object.fromEntries(wanted),
        );
      }),
    );
  });
});

/** The values of a field as lists of bytes. */
function toBytes(value: string | readonly (string | number)[]): number[][] {
  if (typeof value === "string") return [[...Buffer.from(value)]];
  const texts = value.filter((one) => typeof one === "string");
  if (texts.length > 0) return texts.map((one) => [...Buffer.from(one)]);
  return [value.filter((one) => typeof one === "number")];
}

/** One entry in the export format, read by its description. */
function readExport(bytes: Buffer): Map<string, number[][]> {
  const fields = new Map<string, number[][]>();
  for (let at = 0; bytes[at] !== 10; ) {
    const end = bytes.indexOf(10, at);
    const text = bytes.subarray(at, end);
    const equals = text.indexOf(61);
    const name = text.subarray(0, equals < 0 ? text.length : equals).toString();
    const size = equals < 0 ? Number(bytes.readBigUInt64LE(end + 1)) : 0;
    const value = equals < 0 ? bytes.subarray(end + 9, end + 9 + size) : text.subarray(equals + 1);
    fields.set(name, [...(fields.get(name) ?? []), [...value]]);
    at = equals < 0 ? end + 9 + size + 1 : end + 1;
  }
  return fields;
}
