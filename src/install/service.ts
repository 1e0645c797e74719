/**
 * The daemon as a service of systemd: the text of `flotilla.service` and of its settings file, pure.
 *
 * What holds in every form: stopping or restarting the service ends the daemon's own process and nothing else, since
 * units outlive the daemon. So `KillMode=process`, a cgroup that is the daemon's to divide, and a run directory that
 * stays. The service does nothing before the machine belongs to a cluster.
 */

export const SERVICE_NAME = "flotilla.service";
export const STATE_DIRECTORY = "/var/lib/flotilla";
export const RUN_DIRECTORY = "/run/flotilla";
export const SETTINGS_FILE = "/etc/default/flotilla";

/** What runs the units: each needs another confinement of the daemon. */
export type ServiceSupervisor = "systemd" | "embedded";

export interface ServiceOptions {
  /** Absolute path of the executable. */
  readonly program: string;
  readonly supervisor: ServiceSupervisor;
  /** Who wrote the file, as a comment. */
  readonly origin: string;
}

type Line = readonly [key: string, value: string];

const UNIT: readonly Line[] = [
  ["Description", "Flotilla, which makes a set of machines behave as one init system"],
  ["Documentation", "man:flotilla(1)"],
  ["Wants", "network-online.target"],
  ["After", "network-online.target dbus.socket systemd-journald.service"],
  ["ConditionPathExists", `${STATE_DIRECTORY}/trust`],
  // A machine whose daemon has given up for good is lost: it is tried for ever.
  ["StartLimitIntervalSec", "0"],
];

/** Besides the command and the confinement. */
const SERVICE: readonly Line[] = [
  // Node cannot send the datagram of sd_notify(3).
  ["Type", "exec"],
  ["Restart", "always"],
  ["RestartSec", "500ms"],
  // Not permitted: the machine was removed from its cluster, and would only be refused again.
  ["RestartPreventExitStatus", "10"],
  ["KillMode", "process"],
  ["Delegate", "yes"],
  ["TasksMax", "infinity"],
  ["LimitNOFILE", "524288"],
  ["TimeoutStopSec", "30s"],
  ["StateDirectory", "flotilla"],
  ["StateDirectoryMode", "0700"],
  ["RuntimeDirectory", "flotilla"],
  ["RuntimeDirectoryPreserve", "yes"],
  ["Environment", `FLOTILLA_DIR=${STATE_DIRECTORY} FLOTILLA_RUN_DIR=${RUN_DIRECTORY}`],
  ["EnvironmentFile", `-${SETTINGS_FILE}`],
];

/**
 * Where systemd runs the units, the daemon itself does little: it speaks with systemd, the store, its clients, and
 * keeps files in its two directories. Node compiles at run time, so MemoryDenyWriteExecute= cannot be.
 */
const CONFINED: readonly Line[] = [
  ["OOMScoreAdjust", "-900"],
  ["CapabilityBoundingSet", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_NET_BIND_SERVICE"],
  ["NoNewPrivileges", "yes"],
  ["ProtectSystem", "full"],
  ["ProtectHome", "yes"],
  ["PrivateTmp", "yes"],
  ["PrivateDevices", "yes"],
  ["ProtectClock", "yes"],
  ["ProtectControlGroups", "yes"],
  ["ProtectHostname", "yes"],
  ["ProtectKernelLogs", "yes"],
  ["ProtectKernelModules", "yes"],
  ["ProtectKernelTunables", "yes"],
  ["LockPersonality", "yes"],
  ["RestrictNamespaces", "yes"],
  ["RestrictRealtime", "yes"],
  ["RestrictSUIDSGID", "yes"],
  ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
  ["SystemCallArchitectures", "native"],
  ["SystemCallFilter", "@system-service"],
  ["SystemCallErrorNumber", "EPERM"],
];

/**
 * Units of the embedded supervisor are children of the daemon's shims and inherit what confines it: each brings its own
 * confinement, so the daemon has none.
 */
const CONFINEMENT: Readonly<Record<ServiceSupervisor, readonly Line[]>> = {
  systemd: CONFINED,
  embedded: [],
};

export function serviceFile({ program, supervisor, origin }: ServiceOptions): string {
  const command: Line = ["ExecStart", `${escapePath(program)} daemon`];
  return [
    `# ${origin}`,
    `# Settings: ${SETTINGS_FILE}`,
    section("Unit", UNIT),
    section("Service", [command, ...SERVICE, ...CONFINEMENT[supervisor]]),
    section("Install", [["WantedBy", "multi-user.target"]]),
  ].join("\n");
}

function section(name: string, lines: readonly Line[]): string {
  return [`[${name}]`, ...lines.map(([key, value]) => `${key}=${value}`), ""].join("\n");
}

/** A path as one word of a command line: systemd.service(5), COMMAND LINES. */
function escapePath(path: string): string {
  const escaped = path.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(escaped) ? `"${escaped.replaceAll(/["\\]/g, "\\$&")}"` : escaped;
}

/** What may be set is shown by `flotilla daemon --help`; the first lines are what most machines need. */
export const SETTINGS_TEXT = `# Settings of this machine's daemon. Each option of "flotilla daemon --help" may stand here: --api-port is
# FLOTILLA_API_PORT. Take changes over with: systemctl restart ${SERVICE_NAME}, which stops no unit.

# What the machine is called (the host name unless given), and metadata that units are placed by.
#FLOTILLA_NAME=web-1
#FLOTILLA_METADATA=disk=ssd,zone=a

# Address that other machines reach this one by.
#FLOTILLA_ADDRESS=192.0.2.10
`;
