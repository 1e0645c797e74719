import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatCursor,
  formatEntry,
  formatFields,
  formatSource,
  makeEntry,
  parseCursor,
  parseHead,
  parseSource,
} from "./record.ts";

const BOOT = "b".repeat(32);
const END = { file: 3, offset: 100 };
const source = (fields: Parameters<typeof formatFields>[0]) =>
  parseSource(Buffer.from(`@1 ${formatFields({ _BOOT_ID: BOOT, ...fields })}`));

test("what the supervisor writes is read back as it was meant", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
      fc.integer({ min: 0, max: 7 }),
      fc.nat(2 ** 40),
      (message, value, priority, offset) => {
        const fields = formatFields({ _BOOT_ID: BOOT, _TRANSPORT: "journal", UNIT: value, _PID: 7 });
        const written = { timeUs: 5, monotonicUs: 4, priority, fields, message };
        const [first = "", second = "", rest] =
          `${formatSource(written)}${formatEntry(written, offset)}`.split("\n");
        const line = Buffer.from(second);
        const head = parseHead(line);
        const about = parseSource(Buffer.from(first));
        expect(rest).toBe("");
        expect(head).toMatchObject({ timeUs: 5, monotonicUs: 4, source: offset, priority });
        if (head === undefined || about === undefined) throw new Error("unreadable");
        expect(makeEntry("a.service", line, head, about, END)).toMatchObject({
          unit: "a.service",
          origin: "supervisor",
          pid: 7,
          message: message.replace(/[\n\0]/g, " ").toWellFormed(),
          fields: { UNIT: value.toWellFormed() },
        });
      },
    ),
  );
});

test("any bytes of a message come back, as text where they are text", () => {
  fc.assert(
    fc.property(
      fc.uint8Array().map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0 && byte !== 10))),
      (message) => {
        const line = Buffer.concat([Buffer.from("1700000000000000 5 0 6 "), message]);
        const head = parseHead(line);
        const about = source({ _TRANSPORT: "stdout" });
        if (head === undefined || about === undefined) throw new Error("unreadable");
        const entry = makeEntry("a.service", line, head, about, END);
        const bytes = entry?.fields.MESSAGE;
        expect(
          Buffer.from(bytes === undefined ? (entry?.message ?? "") : Buffer.from(bytes as number[])),
        ).toEqual(message);
      },
    ),
  );
});

test.each([
  ["rubbish", false],
  ["1700000000000000 5 0 8 no such priority", false],
  ["1700000000000000 5 6 too few", false],
  ["@1700000000000000 _BOOT_ID=x", false],
  ["", false],
  ["1700000000000000 5 0 6 ", true],
])("%j is a line: %s", (text, isLine) => {
  expect(parseHead(Buffer.from(text)) !== undefined).toBe(isLine);
});

test("a line that its writer's successor has closed as torn is none", () => {
  const line = Buffer.from("1700000000000000 5 0 6 half a sent\0");
  const head = parseHead(line);
  const about = source({});
  if (head === undefined || about === undefined) throw new Error("unreadable");
  expect(makeEntry("a.service", line, head, about, END)).toBeUndefined();
  expect(parseSource(Buffer.from(`@1 _BOOT_ID=${BOOT}\tA=b\0`))).toBeUndefined();
});

test("a source tells the unit's own output from what is written about it", () => {
  expect(source({ _TRANSPORT: "stdout" })?.origin).toBe("unit");
  expect(source({ _TRANSPORT: "journal" })?.origin).toBe("supervisor");
  expect(source({ _TRANSPORT: "driver" })?.origin).toBe("supervisor");
  expect(parseSource(Buffer.from("@1 A=b"))).toBeUndefined();
});

test("values that are no text are kept as their bytes", () => {
  const line = Buffer.concat([Buffer.from(`@1 _BOOT_ID=${BOOT}\tA=`), Buffer.from([0xff, 0x25, 0x30, 0x39])]);
  expect(parseSource(line)?.fields.A).toEqual([0xff, 9]);
});

test("a cursor is read back, and nothing else is a cursor", () => {
  const cursor = {
    unit: "a@x.service",
    end: { file: 300, offset: 70_000 },
    boot: BOOT,
    monotonicUs: 2 ** 40,
  };
  expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
  for (const text of ["", "1", "b=;m=;f=;o=;u=", formatCursor(cursor).slice(1)]) {
    expect(parseCursor(text)).toBeUndefined();
  }
});
