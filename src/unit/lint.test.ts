// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what a unit file says.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LINTS, type LintFacts, lintUnit } from "./lint.ts";

/** Names of the lints that fire on a service with these lines. */
function fired(lines: readonly string[], facts: LintFacts = {}): readonly string[] {
  const text = ["[Service]", "ExecStart=/bin/true", ...lines].join("\n");
  return [...new Set(lintUnit("web.service", text, facts).map(({ lint }) => lint))];
}

interface Example {
  readonly fires: readonly (readonly string[])[];
  readonly silent: readonly (readonly string[])[];
  readonly facts?: LintFacts;
}

const MACHINES: LintFacts = {
  notEnforced: new Map([
    ["m1", ["MemoryMax= is not enforced: no memory controller"]],
    ["m2", []],
  ]),
};

/** For every lint: lines that walk into the trap, and lines beside it. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  "glued-variables": {
    fires: [["ExecStartPre=/bin/echo $A$B"], ["ExecStartPre=/bin/echo $A$B/c"]],
    silent: [
      ["ExecStartPre=/bin/echo $A $B"],
      ["ExecStartPre=/bin/echo ${A}${B}"],
      ["ExecStartPre=:/bin/echo $A$B"],
    ],
  },
  "quoted-variable": {
    fires: [['ExecStartPre=/bin/echo "$A"'], ["ExecStartPre=/bin/echo '$A' x"]],
    silent: [
      ['ExecStartPre=/bin/echo "${A}"'],
      ['ExecStartPre=/bin/echo "a $A"'],
      ["ExecStartPre=/bin/echo $A"],
      [`ExecStartPre=/bin/sh -c 'rm "$A"'`],
    ],
  },
  "inner-variable": {
    fires: [["ExecStartPre=/bin/echo --port=$PORT"], ["ExecStartPre=/bin/echo a$A"]],
    silent: [
      ["ExecStartPre=/bin/echo --port=${PORT}"],
      ["ExecStartPre=/bin/sh -c 'echo a$A'"],
      ["ExecStartPre=/bin/echo 5$"],
    ],
  },
  "variable-program": {
    fires: [["ExecStartPre=$PROGRAM x"], ["ExecStartPre=/opt/$VERSION/run"]],
    silent: [["ExecStartPre=/opt/run $VERSION"]],
  },
  "shell-syntax": {
    fires: [
      ["ExecStartPre=/bin/cat a | /bin/grep b"],
      ["ExecStartPre=/bin/echo a > /tmp/x"],
      ["ExecStartPre=/bin/echo a 2>&1"],
      ["ExecStartPre=/bin/true && /bin/false"],
      ["ExecStartPre=/bin/echo $(date)"],
    ],
    silent: [
      ["ExecStartPre=/bin/sh -c 'cat a | grep b'"],
      ["ExecStartPre=/bin/echo a-b >x<"],
      ["ExecStartPre=/bin/echo =>"],
    ],
  },
  "shell-glob": {
    fires: [["ExecStartPre=/bin/rm -f /tmp/*.pid"], ["ExecStartPre=/bin/ls ~/x"]],
    silent: [["ExecStartPre=/bin/sh -c 'rm -f /tmp/*.pid'"], ["ExecStartPre=/bin/echo a*b"]],
  },
  "date-specifier": {
    fires: [["ExecStartPre=/bin/date +%s"], ['ExecStartPre=/bin/sh -c "date +%H"']],
    silent: [["ExecStartPre=/bin/date +%%s"], ["ExecStartPre=/bin/echo %n"]],
  },
  sudo: {
    fires: [["ExecStartPre=/usr/bin/sudo -u web /bin/true"], ["ExecStartPre=su web -c true"]],
    silent: [["User=web"], ["ExecStartPre=/bin/echo sudo"]],
  },
  daemonize: {
    fires: [["ExecStartPre=/usr/bin/nohup /bin/true"], ["ExecStartPre=/sbin/start-stop-daemon --start"]],
    silent: [["ExecStartPre=/bin/echo nohup"], ["ExecStop=/sbin/start-stop-daemon --quiet --stop"]],
  },
  background: {
    fires: [["ExecStartPre=/bin/sh -c 'sleep 5 &'"], ["ExecStartPre=/bin/bash -c 'a; b &'"]],
    silent: [
      ["ExecStartPre=/bin/sh -c 'a && b'"],
      ["ExecStartPre=/bin/sh -c 'a 2>&'"],
      ["ExecStartPre=/bin/echo &"],
    ],
  },
  "relative-argument": {
    fires: [["ExecStartPre=/bin/cat ./conf"], ["ExecStartPre=/bin/cat ../conf"]],
    silent: [
      ["WorkingDirectory=/srv", "ExecStartPre=/bin/cat ./conf"],
      ["ExecStartPre=/bin/cat /etc/./conf"],
    ],
  },
  "empty-dependency": {
    fires: [
      ["[Unit]", "After="],
      ["[Unit]", "Wants=a.service", "Wants="],
    ],
    silent: [["Environment="], ["[Unit]", "Description="]],
  },
  "order-only": {
    fires: [
      ["[Unit]", "After=db.service"],
      ["[Unit]", "After=network-online.target"],
    ],
    silent: [
      ["[Unit]", "After=db.service", "Wants=db.service"],
      ["[Unit]", "After=db.service", "PartOf=db.service"],
      ["[Unit]", "After=network.target"],
      ["[Unit]", "Wants=network-online.target", "After=network-online.target"],
    ],
  },
  "requires-without-order": {
    fires: [
      ["[Unit]", "Requires=db.service"],
      ["[Unit]", "BindsTo=db.service"],
    ],
    silent: [
      ["[Unit]", "Requires=db.service", "After=db.service"],
      ["[Unit]", "Wants=db.service"],
      ["[Unit]", "Requires=data.mount"],
    ],
  },
  "self-dependency": {
    fires: [["[Unit]", "After=web.service"]],
    silent: [["[Unit]", "After=network.target"]],
  },
  "type-simple": {
    fires: [["Type=simple"]],
    silent: [["Type=exec"], []],
  },
  "forking-without-pidfile": {
    fires: [["Type=forking"]],
    silent: [["Type=forking", "PIDFile=/run/web.pid"], ["Type=notify"]],
  },
  "oneshot-restart": {
    fires: [["Type=oneshot", "Restart=on-failure"]],
    silent: [["Type=oneshot"], ["Type=oneshot", "Restart=no"], ["Restart=on-failure"]],
  },
  "stop-after-oneshot": {
    fires: [["Type=oneshot", "ExecStop=/bin/true"]],
    silent: [["Type=oneshot", "RemainAfterExit=yes", "ExecStop=/bin/true"], ["ExecStop=/bin/true"]],
  },
  "kill-mode-none": {
    fires: [["KillMode=none"]],
    silent: [["KillMode=mixed"]],
  },
  "output-file-twice": {
    fires: [["StandardOutput=file:/tmp/log", "StandardError=file:/tmp/log"]],
    silent: [
      ["StandardOutput=append:/tmp/log", "StandardError=append:/tmp/log"],
      ["StandardOutput=file:/tmp/out", "StandardError=file:/tmp/err"],
      ["StandardOutput=file:/tmp/log", "StandardError=inherit"],
    ],
  },
  "watchdog-without-notify": {
    fires: [["WatchdogSec=30"]],
    silent: [["Type=notify", "WatchdogSec=30"], ["WatchdogSec=0"]],
  },
  "restart-without-delay": {
    fires: [["Restart=always"]],
    silent: [
      ["Restart=always", "RestartSec=1"],
      ["Restart=always", "[Unit]", "StartLimitBurst=9"],
      ["Restart=on-failure"],
    ],
  },
  "missing-program": {
    fires: [["ExecStop=/opt/none"]],
    silent: [["ExecStop=/bin/true"]],
    facts: { hasProgram: (path) => path === "/bin/true" },
  },
  "not-applied": {
    fires: [["NetClass=1"]],
    silent: [["User=web"], ["[X-Fleet]", "Global=true"], ["[Install]", "WantedBy=x.target"], ["NetClass="]],
  },
  "limit-not-enforced": {
    fires: [["MemoryMax=1G"], ["MemoryHigh=1G"]],
    silent: [["CPUQuota=50%"], ["MemoryMax="]],
    facts: MACHINES,
  },
};

describe.each(Object.entries(EXAMPLES))("%s", (name, { fires, silent, facts }) => {
  test.each(fires.map((lines) => lines.join(" ⏎ ")))("fires on %s", (lines) => {
    expect(fired(lines.split(" ⏎ "), facts)).toContain(name);
  });

  test.each(silent.map((lines) => lines.join(" ⏎ ")))("does not fire on %s", (lines) => {
    expect(fired(lines.split(" ⏎ "), facts)).not.toContain(name);
  });
});

test("every lint has examples", () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual(LINTS.map(({ name }) => name).sort());
});

describe("lintUnit", () => {
  test("finds nothing in a plain good service", () => {
    const text = [
      ...["[Unit]", "Description=Web", "Wants=db.service", "After=db.service network.target"],
      ...["[Service]", "Type=notify", "ExecStart=/usr/sbin/web --port ${PORT}", "Restart=on-failure"],
      ...["User=web", "[Install]", "WantedBy=multi-user.target"],
    ].join("\n");
    expect(lintUnit("web.service", text)).toEqual([]);
  });

  test("points at the word, on whatever line of a continued command it stands", () => {
    const text = "[Service]\nExecStart=/bin/echo one \\\n  two $A$B\n";
    expect(lintUnit("web.service", text)).toMatchObject([
      { lint: "glued-variables", place: { line: 3, column: 7, source: "  two $A$B" } },
    ]);
  });

  test("says what is found in order of lines", () => {
    const text = "[Service]\nKillMode=none\nType=simple\nExecStart=/bin/echo $A$B\n[Unit]\nAfter=\n";
    const lines = lintUnit("web.service", text).map(({ place }) => place.line);
    expect(lines).toEqual([2, 3, 4, 6]);
  });

  test("says nothing of what is no unit", () => {
    expect(lintUnit("web", "[Service]\nKillMode=none\n")).toEqual([]);
  });

  test("each finding has something to do about it", () => {
    const found = lintUnit(
      "web.service",
      "[Service]\nType=forking\nExecStart=/bin/sudo $A$B > ~/x\nKillMode=none\n",
    );
    expect(found.length).toBeGreaterThan(4);
    expect(found.filter(({ hint }) => hint === "")).toEqual([]);
  });
});

test("the documentation names every lint and says what it is about", () => {
  const page = readFileSync(new URL("../../docs/unit-files.md", import.meta.url), "utf8");
  const missing = LINTS.filter(({ name, about }) => !page.includes(`| \`${name}\` | ${about} |`));
  expect(missing.map(({ name }) => name)).toEqual([]);
});
