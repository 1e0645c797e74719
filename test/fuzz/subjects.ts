/** Everything that reads what people write, with what must hold of any input whatever. A subject throws when it does not. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseDuration } from "#base/duration.ts";
import { FlotillaError, type Place } from "#base/errors.ts";
import { parseSize } from "#base/size.ts";
import { formatCalendar, nextElapse, parseCalendar } from "#unit/calendar.ts";
import { decodeUnitFile } from "#unit/decode.ts";
import { Complaint } from "#unit/diagnostic.ts";
import { mergeDropIns } from "#unit/drop-ins.ts";
import { isVariableName, parseEnvironmentFile } from "#unit/environment.ts";
import { execCommands, expandEnvironment } from "#unit/exec.ts";
import { splitLines } from "#unit/lines.ts";
import { lintUnit } from "#unit/lint.ts";
import { escapeUnitName, mangleUnitName, parseUnitName, unescapeUnitName } from "#unit/name.ts";
import { findReferences } from "#unit/references.ts";
import { expandSpecifiers, specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile, type UnitFile } from "#unit/unit-file.ts";
import { verifyUnit } from "#unit/verify.ts";
import { splitWords } from "#unit/words.ts";

const CONTEXT = specifierContext("fuzz-a@b\\x2dc.service");
const AFTER_MS = Date.UTC(2027, 0, 1);

/** Which of them an input is read as hangs on its length: each is read as all of them often enough. */
const TYPES = ["service", "timer", "service", "socket", "path", "mount", "slice"];

export const SUBJECTS: Readonly<Record<string, (input: string) => void>> = {
  "a unit file is printed as it was": (input) => {
    const file = parseUnitFile(input);
    strictEqual(file.print(), input);
    deepStrictEqual(parseUnitFile(file.print()).entries, file.entries);
    checkPlaces(
      file.entries.map((entry) => file.placeOfValue(entry)),
      input,
    );
  },

  "what is wrong with a unit file has a place in it": (input) => {
    const type = TYPES[input.length % TYPES.length] ?? "service";
    checkPlaces(
      verifyUnit(`fuzz@x.${type}`, input).map(({ place }) => place),
      input,
    );
  },

  "a lint and a reference have a place in the file": (input) => {
    const found = [...lintUnit("fuzz@x.service", input), ...findReferences("fuzz@x.service", input)];
    checkPlaces(
      found.map(({ place }) => place),
      input,
    );
  },

  "bytes are decoded without loss or refused": (input) => {
    const bytes = new TextEncoder().encode(input);
    const { text, diagnostics } = decodeUnitFile(bytes, 1 << 20);
    if (diagnostics.length === 0) deepStrictEqual(new TextEncoder().encode(text), bytes);
  },

  "a unit file and drop-ins are one that means the same": (input) => {
    const half = input.indexOf("\n", input.length / 2) + 1;
    const parts = [
      { path: "main", text: `[Service]\nMain=1\n${input.slice(0, half)}` },
      { path: "drop-in", text: input.slice(half) },
    ] as const;
    if (parseUnitFile(parts[0].text).diagnostics.some(({ severity }) => severity === "error")) return;
    const merged = mergeDropIns(parts[0], [parts[1]]);
    const file = parseUnitFile(merged.text);
    deepStrictEqual(
      meaning(file),
      parts.flatMap(({ text }) => meaning(untilBroken(text))),
    );
    strictEqual(file.diagnostics.filter(({ severity }) => severity === "error").length, 0);
  },

  "an environment file that is written out reads the same": (input) => {
    const read = parseEnvironmentFile(input);
    ok(read.every(([name]) => isVariableName(name)));
    const written = read
      .map(([name, value]) => `${name}="${value.replaceAll(/["\\$`]/g, "\\$&")}"`)
      .join("\n");
    deepStrictEqual(parseEnvironmentFile(written), read);
  },

  "a calendar event in its normal form is the same event": (input) => {
    for (const line of shortLines(input)) {
      const spec = parseCalendar(line);
      if (spec === undefined) continue;
      const normal = parseCalendar(formatCalendar(spec));
      if (normal !== undefined) strictEqual(formatCalendar(normal), formatCalendar(spec));
      const next = nextElapse(spec, AFTER_MS, "UTC");
      ok(next === undefined || next > AFTER_MS);
    }
  },

  "a time span and a size are none or not below nothing": (input) => {
    for (const line of shortLines(input)) {
      ok((parseDuration(line) ?? 0) >= 0);
      ok((parseSize(line) ?? 0) >= 0);
    }
  },

  "a command line has programs or a complaint": (input) => {
    for (const line of shortLines(input)) {
      const commands = execCommands.parse(line, {
        key: "ExecStart",
        specifiers: CONTEXT,
        warn: () => undefined,
      });
      if (commands instanceof Complaint) continue;
      for (const { path, argv } of commands) {
        ok(path !== "");
        ok(expandEnvironment(argv, { A: "1 2", HOME: "/root" }).every((word) => typeof word === "string"));
      }
    }
  },

  "words and specifiers end": (input) => {
    ok(splitWords(input).words.length <= input.length);
    for (const line of shortLines(input)) expandSpecifiers(line, CONTEXT);
  },

  "a name is one or is refused, and escaping can be undone": (input) => {
    for (const line of shortLines(input)) {
      orRefused(() => strictEqual(parseUnitName(line).full, line));
      orRefused(() => parseUnitName(mangleUnitName(line)));
      orRefused(() => unescapeUnitName(line));
      const whole = line.replaceAll("\0", "").toWellFormed();
      strictEqual(unescapeUnitName(escapeUnitName(whole)), whole);
    }
  },
};

function checkPlaces(places: readonly Place[], text: string): void {
  const lines = Math.max(1, splitLines(text).length);
  ok(places.every(({ line, column }) => line >= 1 && line <= lines && column >= 1));
}

function meaning(file: UnitFile): readonly unknown[] {
  return file.entries.map(({ section, key, value }) => [section, key, value]);
}

/** A drop-in counts up to where systemd gives up on it. */
function untilBroken(text: string): UnitFile {
  const file = parseUnitFile(text);
  const broken = file.diagnostics.find(({ severity }) => severity === "error");
  if (broken === undefined) return file;
  const raw = file.statements
    .filter(({ line }) => line < broken.place.line)
    .map((statement) => file.rawOf(statement));
  return parseUnitFile(raw.join(""));
}

/** Lines as values have them. */
function shortLines(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(0, 20)
    .map((line) => line.slice(line.indexOf("=") + 1).trim());
}

/** A refusal is an answer, too; any other exception is a fault. */
function orRefused(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
  }
}
