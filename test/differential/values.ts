/** Small unit files, each with one value of one key: every row of the key table with values good and bad. */
import { Complaint } from "#unit/diagnostic.ts";
import type { Keys } from "#unit/key.ts";
import { COMMON_SECTIONS, findKey, OWN_SECTION, SECTIONS, type SectionName } from "#unit/keys.ts";
import { UNIT_SUFFIXES, type UnitSuffix } from "#unit/name.ts";
import { specifierContext } from "#unit/specifiers.ts";

/** What makes a unit of a section complete, so that only the value in question is spoken of. */
const REST: Partial<Record<SectionName, (stem: string) => string>> = {
  Service: () => "ExecStart=/bin/true",
  Socket: () => "ListenStream=/run/x.socket",
  Timer: () => "OnBootSec=1",
  Path: () => "PathExists=/x",
  Mount: (stem) => `What=/dev/x\nWhere=/${stem}`,
  Automount: (stem) => `Where=/${stem}`,
  Swap: (stem) => `What=/${stem}`,
};

/** Types of units that systemd-analyze can load from a file. */
const LOADED: readonly UnitSuffix[] = UNIT_SUFFIXES.filter(
  (suffix) => suffix !== "device" && suffix !== "scope",
);

export interface Row {
  readonly section: SectionName;
  readonly key: string;
  /** The type of the unit it is tried in. */
  readonly suffix: UnitSuffix;
}

/** Rows that `systemd` of this version knows. One that several sections share stands once, for the first of them. */
export function rowsOf(version: number): readonly Row[] {
  const seen = new Set<unknown>();
  return sectionsWithTypes().flatMap(([section, suffix]) =>
    entriesOf(SECTIONS[section]).flatMap(([key, row]) => {
      if (seen.has(row) || (row.since ?? 0) > version) return [];
      seen.add(row);
      return [{ section, key, suffix }];
    }),
  );
}

function entriesOf(keys: Keys): readonly (readonly [string, Keys[string]])[] {
  return Object.entries(keys);
}

function sectionsWithTypes(): readonly (readonly [SectionName, UnitSuffix])[] {
  const common = COMMON_SECTIONS.filter((section) => !section.startsWith("X-"));
  const own = LOADED.flatMap((suffix) => {
    const section = OWN_SECTION[suffix];
    return section === undefined ? [] : [[section, suffix] as const];
  });
  return [...common.map((section) => [section, "target"] as const), ...own];
}

/** A unit file in which the key has these values, one line each. */
export function unitFile({ section, key }: Row, values: readonly string[], stem: string): string {
  const rest = REST[section]?.(stem);
  // The empty line ends a value that goes on in the next one.
  const lines = [`[${section}]`, ...values.map((value) => `${key}=${value}`), "", rest ?? ""];
  return `${lines.join("\n")}\n`;
}

/** Values of every notation there is; most are bad for most keys. */
export const POOL: readonly string[] = [
  ...["", "yes", "no", "bad", "-1", "0", "1", "5", "+5", "99", "255", "256", "1000", "65536", "4294967296"],
  ...[
    "0x10",
    "010",
    "1.5",
    "18446744073709551616",
    "infinity",
    "50%",
    "150%",
    "0%",
    "12.345%",
    "99.9%",
    "50%%",
  ],
  ...[
    "5s",
    "1min 30s",
    "2h 3.5s",
    "5 parsecs",
    "1.5.5",
    "512M",
    "1.5G",
    "1K 5",
    "-5s",
    "5:10",
    "10:5",
    "0022",
    "09",
  ],
  ...[
    "%z",
    "%i",
    "%n",
    "%%",
    "100%",
    "/x/%z",
    "/x/%n",
    "/",
    "/x",
    "//x/./y/",
    "/a/../b",
    "-/x",
    "+/x",
    "-+/x",
    "~",
  ],
  ...[
    "/x /y",
    "/x:/y",
    "/x:/y:rbind",
    "/x:/y:foo",
    "/x:",
    "x:y",
    "a:b:c",
    '"/x y"',
    '"un',
    "'a b'",
    "a\\x20b",
    "a\\q",
  ],
  ...[
    "a\\",
    "foo.service",
    "foo.socket bar.socket",
    "foo@.service",
    "foo@%i.service",
    "x.slice",
    "k.mount",
    "none",
  ],
  ...[
    "A=1",
    "A=1 B=2 =3",
    "1A=2",
    "A",
    "man:x(8) https://x http:x",
    "SIGTERM",
    "TERM",
    "15",
    "RTMIN+3",
    "SIGFOO",
  ],
  ...[
    "CAP_CHOWN",
    "~CAP_CHOWN CAP_FOO",
    "@system-service",
    "~@clock",
    "open:EPERM",
    "~open:EPERM read",
    "@foo",
  ],
  ...[
    "native x86-64",
    "AF_UNIX AF_FOO",
    "~AF_INET",
    "net pid",
    "~net",
    "EPERM",
    "12.12.0.0/16",
    "::1/64 localhost any",
  ],
  ...[
    "eth0",
    "lo eth0",
    "tcp",
    "ipv4:tcp:80",
    "ipv6:1-20",
    "any",
    "deny",
    "0-3,8",
    "3-1",
    "9999",
    "all",
    "numa",
  ],
  ...[
    "auto",
    "kill",
    "full",
    "strict",
    "tmpfs",
    "read-only",
    "shared",
    "private",
    "restart",
    "idle",
    "other",
    "realtime",
  ],
  ...[
    "best-effort",
    "daemon",
    "local3",
    "debug",
    "4",
    "journal",
    "syslog",
    "file:/x",
    "append:x",
    "fd:a",
    "tty",
    "socket",
  ],
  ...[
    "block-*",
    "char-pts rw",
    "/dev/null rwm",
    "/dev/null x",
    "/dev/sda 5M",
    "/dev/sda 0",
    "/dev/sda x",
    "/dev/sda 5ms",
  ],
  ...[
    "|!/x",
    "!|/x",
    "| ! x",
    "|",
    "!",
    "cpu memory",
    "cpu foo",
    "true false",
    "[::1]:80",
    "127.0.0.1:80",
    "@abstract",
  ],
  ...[
    "vsock:2:1",
    "80",
    "udplite",
    "both",
    "ipv6-only",
    "low-delay",
    "route 5",
    "foo bar",
    "usec",
    "ns",
    "egress:/x",
  ],
  ...[
    "YQ==",
    "base64:YQ==",
    "abcd",
    "0123456789abcdef0123456789abcdef",
    "root:ro",
    "usr:ro,nosuid",
    "org.x.y",
    "/dev/x",
  ],
  ...[
    "reboot",
    "exit",
    "replace",
    "inactive",
    "main",
    "control-group",
    "dbus",
    "notify",
    "always",
    "terminate",
    "oneshot",
  ],
  ...[
    "0 1 TERM",
    "300 SIGKILL",
    "TEMPFAIL",
    "a b:c",
    "foo/bar",
    "private/x",
    "../x",
    "root",
    "nobody",
    "a b",
    "0123",
  ],
  ...[
    "-5",
    "+x y",
    "/bin/echo %i %z",
    "-/bin/x %z",
    "@/bin/x",
    "@/bin/x y",
    "-",
    "!!/bin/x",
    "+!/bin/x",
    "bin/x",
    "x/",
  ],
  ...[
    "Mon *-*-* 00:00",
    "daily",
    "*:0/5",
    "25:00",
    "2020-01-01",
    "x=y z",
    "_X=1",
    "FOO=1 BAR",
    "x86",
    "mpol",
    "bind",
  ],
  ...[
    "private-anonymous elf-headers",
    "keep-caps",
    "id:data",
    "id:%n",
    "id",
    "/x:/y z:w",
    "dctcp",
    "socket:x",
    "\\x41",
  ],
];

/**
 * Units that try all values of the pool for each row. Values share a unit as far as they can: one that spoils the unit,
 * by our own word, or goes on in the next line stands in a unit of its own.
 */
export function unitsOfRows(version: number): ReadonlyMap<string, string> {
  const units = new Map<string, string>();
  for (const [index, row] of rowsOf(version).entries()) {
    const isAlone = (value: string): boolean => value.endsWith("\\") || spoils(row, value);
    const alone = POOL.filter(isAlone);
    const together = POOL.filter((value) => !isAlone(value));
    for (const [number, values] of [together, ...alone.map((value) => [value])].entries()) {
      const stem = `k${index}v${number}`;
      units.set(`${stem}.${row.suffix}`, unitFile(row, values, stem));
    }
  }
  return units;
}

function spoils({ section, key, suffix }: Row, value: string): boolean {
  const specifiers = specifierContext(`k.${suffix}`);
  const read =
    value === "" ? value : findKey(section, key)?.value.parse(value, { key, specifiers, warn: () => {} });
  return read instanceof Complaint && read.severity === "error";
}

/** Keys for generated files: one of each notation, and what only systemd as a whole judges. */
export const KEYS: readonly string[] = [
  ...[
    "Description",
    "After",
    "Documentation",
    "ConditionPathExists",
    "OnFailure",
    "StartLimitIntervalSec",
    "Unknown",
  ],
  ...[
    "Type",
    "ExecStart",
    "ExecStart",
    "ExecStartPre",
    "ExecStop",
    "Restart",
    "RestartSec",
    "BusName",
    "PIDFile",
  ],
  ...[
    "RemainAfterExit",
    "SuccessAction",
    "RestartForceExitStatus",
    "Environment",
    "EnvironmentFile",
    "User",
    "UMask",
  ],
  ...[
    "WorkingDirectory",
    "StandardOutput",
    "BindPaths",
    "ReadOnlyPaths",
    "RuntimeDirectory",
    "LimitNOFILE",
    "X-Own",
  ],
  ...["MemoryMax", "CPUQuota", "SystemCallFilter", "IPAddressAllow", "KillMode", "KillSignal", "WantedBy"],
];

/** What values of generated files are put together from. */
export const PIECES: readonly string[] = [
  ...[
    " ",
    " ",
    "/bin/true",
    "/bin/echo",
    "/x",
    "a",
    "5",
    "s",
    "=",
    ":",
    ";",
    "-",
    "@",
    "+",
    "!",
    "~",
    "%n",
    "%z",
    "%%",
  ],
  ...[
    '"',
    "'",
    "\\",
    "\\x41",
    "\\q",
    "\t",
    "yes",
    "no",
    "oneshot",
    "simple",
    "dbus",
    "always",
    "on-failure",
    "org.x.y",
  ],
  ...[
    "A=1",
    "$A",
    "a.service",
    "none",
    "infinity",
    "50%",
    "1G",
    "SIGTERM",
    "\\\n",
    "ä",
    "man:x(8)",
    "exit-force",
  ],
];
