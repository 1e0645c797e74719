import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SECTIONS } from "./keys.ts";
import { verifyUnit } from "./verify.ts";

/** `severity line: message` of everything found. */
function found(name: string, text: string): readonly string[] {
  return verifyUnit(name, text).map(
    ({ severity, place, message }) => `${severity} ${place.line}: ${message}`,
  );
}

function hints(text: string): readonly (string | undefined)[] {
  return verifyUnit("web.service", text).map(({ hint }) => hint);
}

const GOOD = "[Service]\nExecStart=/bin/true\n";

test("nothing is wrong with a good unit", () => {
  expect(found("web.service", GOOD)).toEqual([]);
  expect(found("web@.service", "[Service]\nExecStart=/bin/echo %i %I\n")).toEqual([]);
  expect(found("a.target", "[Unit]\nDescription=Group\n")).toEqual([]);
  expect(found("a.slice", "[Slice]\nMemoryMax=1G\n")).toEqual([]);
});

describe("unknown sections", () => {
  test.each([
    ["[Fleet]", "did you mean [X-Fleet]?"],
    ["[Servce]", "did you mean [Service]?"],
    ["[service]", "did you mean [Service]?"],
    ["[Gizmo]", undefined],
  ])("%s is ignored with a hint", (header, hint) => {
    const diagnostics = verifyUnit("web.service", `${GOOD}${header}\nk=v\n`);
    expect(diagnostics).toMatchObject([
      {
        severity: "warning",
        code: "unknown-section",
        message: `Unknown section '${header.slice(1, -1)}'. Ignoring.`,
      },
    ]);
    expect(diagnostics[0]?.hint).toBe(hint);
  });

  test("sections for others are silent", () => {
    expect(found("web.service", `${GOOD}[X-Whatever]\nk=v\n`)).toEqual([]);
  });

  test("a section of another type of unit is unknown", () => {
    expect(found("a.timer", "[Timer]\nOnBootSec=1\n[Service]\nExecStart=/bin/true\n")).toEqual([
      "warning 3: Unknown section 'Service'. Ignoring.",
    ]);
  });
});

describe("unknown keys", () => {
  test("are ignored, with systemd's words", () => {
    expect(found("web.service", `${GOOD}ExecStrat=/bin/false\n`)).toEqual([
      "warning 3: Unknown key 'ExecStrat' in section [Service], ignoring.",
    ]);
  });

  test.each([
    [`${GOOD}ExecStrat=/bin/false\n`, "did you mean ExecStart=?"],
    [`${GOOD}execstartpre=/bin/false\n`, "did you mean ExecStartPre=?"],
    [`${GOOD}After=a.service\n`, "After= belongs in [Unit]"],
    [`${GOOD}WantedBy=a.target\n`, "WantedBy= belongs in [Install]"],
    [`[Unit]\nExecStart=/bin/a\n${GOOD}`, "ExecStart= belongs in [Service]"],
    [`${GOOD}[X-Fleet]\nMachineMetdata=a=b\n`, "did you mean MachineMetadata=?"],
    [`${GOOD}Zzzzzzzz=1\n`, undefined],
  ])("%j: %s", (text, hint) => {
    expect(hints(text)).toEqual([hint]);
  });

  test("keys for others are silent", () => {
    expect(found("web.service", `${GOOD}X-Mine=1\n[X-Fleet]\nX-Mine=1\n`)).toEqual([]);
  });

  test("a former name says the new one", () => {
    expect(found("web.service", `${GOOD}MemoryLimit=1G\n[X-Fleet]\nX-Conflicts=a.service\n`)).toEqual([
      "warning 3: Unit uses MemoryLimit=; please use MemoryMax= instead. Support for MemoryLimit= will be removed soon.",
      "warning 5: Unit uses X-Conflicts=; please use Conflicts= instead.",
    ]);
  });
});

describe("a unit that is neither template nor instance", () => {
  test.each([
    [
      "[Service]\nExecStart=/bin/echo %i\n",
      "warning 2: %i is empty: web.service is no instance of a template",
    ],
    [
      `${GOOD}[X-Flotilla]\nSpread=zone\n`,
      "warning 4: Spread= has no effect: web.service is no instance of a template",
    ],
    [
      `${GOOD}[X-Flotilla]\nMaxPerMachine=1\n`,
      "warning 4: MaxPerMachine= has no effect: web.service is no instance of a template",
    ],
  ])("%j says something in vain", (text, message) => {
    expect(found("web.service", text)).toEqual([message]);
    expect(found("web@.service", text)).toEqual([]);
    expect(found("web@1.service", text)).toEqual([]);
  });

  test("an escaped percent sign is no specifier", () => {
    expect(found("web.service", "[Service]\nExecStart=/bin/date +%%i%%%%I\n")).toEqual([]);
  });
});

test("lines of a section that the type of unit has not are not judged", () => {
  expect(found("a.timer", "[Timer]\nOnBootSec=1\n[Service]\nNice=x\nBogus=1\n")).toEqual([
    "warning 3: Unknown section 'Service'. Ignoring.",
  ]);
});

describe("names", () => {
  test.each(["web", "a b.service", ".service", ""])("%j is refused before anything else", (name) => {
    expect(verifyUnit(name, GOOD)).toMatchObject([{ severity: "error", code: "bad-unit-name" }]);
  });
});

test("all that is wrong is said at once, in order of lines", () => {
  const text =
    "[Unit]\nDescription=%z\n[Service]\nType=notfy\nExecStart=/bin/a\nExecStart=/bin/b\nMemoryMax=lots\n" +
    "[X-Fleet]\nGlobal=yes\nMachineOf=a.service\n";
  expect(found("web.service", text)).toEqual([
    "warning 2: Failed to resolve unit specifiers in '%z', ignoring: Invalid slot",
    "warning 4: Failed to parse service type, ignoring: notfy",
    "error 6: Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
    "warning 7: Invalid memory limit 'lots', ignoring: Invalid argument",
    "error 10: Global= (line 9) and MachineOf= (line 10) exclude each other",
  ]);
});

test("a bad value comes with what to write", () => {
  expect(hints(`${GOOD}Restart=sometimes\n`)).toEqual([
    "write one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always",
  ]);
});

test("every key of the table takes any value without throwing", () => {
  const rows = Object.entries(SECTIONS).flatMap(([section, keys]) =>
    Object.keys(keys).map((key) => [section, key] as const),
  );
  const assignment = fc.tuple(
    fc.constantFrom(...rows),
    fc.oneof(fc.string(), fc.constantFrom("", "1", "/a", "a.service", "%i", "yes", "50%")),
  );
  fc.assert(
    fc.property(
      fc.array(assignment, { maxLength: 20 }),
      fc.constantFrom("a.service", "a@.timer", "a@1.socket", "bad"),
      (lines, name) => {
        const text = lines.map(([[section, key], value]) => `[${section}]\n${key}=${value}\n`).join("");
        const places = verifyUnit(name, text).map(({ place }) => place.line);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      },
    ),
  );
});
