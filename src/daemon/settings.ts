/**
 * The daemon's settings: one table from which the command line, the environment and the help are read.
 * Each is `--NAME VALUE` or `FLOTILLA_NAME=VALUE` (dashes as underscores); the command line wins. One without a value is
 * a flag, `--NAME` or `FLOTILLA_NAME=true`.
 */

export interface Setting {
  readonly name: string;
  readonly value?: string;
  readonly help: string;
  readonly fallback?: string;
}

/** The order is that of the help. */
export const SETTINGS = [
  { name: "dir", value: "DIR", help: "state directory", fallback: "/var/lib/flotilla" },
  { name: "run-dir", value: "DIR", help: "directory for sockets (default: run/ in the state directory)" },
  {
    name: "socket",
    value: "PATH",
    help: "unix socket of the API (default: flotilla.sock in the run directory)",
  },
  { name: "name", value: "NAME", help: "what the machine is called (default: the host name)" },
  {
    name: "address",
    value: "IP",
    help: "address that other machines reach this one by",
    fallback: "127.0.0.1",
  },
  { name: "api-port", value: "PORT", help: "TCP port of the API on that address", fallback: "7400" },
  {
    name: "insecure",
    help: "serve and ask without certificates: whoever reaches this machine's ports may do everything",
    fallback: "false",
  },
  { name: "store", value: "URLS", help: "etcd endpoints of the store, comma-separated (http://HOST:PORT)" },
  {
    name: "store-port",
    value: "PORT",
    help: "port that etcd clients find the store on, where this machine has it",
    fallback: "7401",
  },
  {
    name: "store-peer-port",
    value: "PORT",
    help: "port for other members, where this machine has a member of etcd",
    fallback: "7402",
  },
  {
    name: "store-cert",
    value: "FILE",
    help: "certificate of this machine for the store: to serve it, to reach it, and as a member",
  },
  { name: "store-key", value: "FILE", help: "key of that certificate" },
  { name: "store-ca", value: "FILE", help: "who signs the certificates of the store's clients and members" },
  {
    name: "store-quota",
    value: "SIZE",
    help: "how large the store on this machine may get before it takes no more",
    fallback: "2G",
  },
  {
    name: "store-history",
    value: "TIME",
    help: "how long the store on this machine remembers what was, for watches that resume",
    fallback: "5min",
  },
  { name: "backup-every", value: "TIME", help: "back the store up so often (default: never)" },
  { name: "backup-dir", value: "DIR", help: "where to (default: backups/ in the state directory)" },
  { name: "backup-keep", value: "COUNT", help: "how many of the last backups are kept", fallback: "7" },
  { name: "cluster-name", value: "NAME", help: "name of a cluster that is newly made", fallback: "flotilla" },
  {
    name: "lease-ttl",
    value: "SECONDS",
    help: "a machine counts as gone this long after its last sign of life",
    fallback: "5",
  },
  { name: "metadata", value: "K=V,…", help: "metadata that units are placed by", fallback: "" },
  { name: "cpus", value: "N", help: "cores that units may reserve (default: all)" },
  { name: "memory", value: "BYTES", help: "memory that units may reserve (default: all)" },
  {
    name: "supervisor",
    value: "auto|systemd|embedded",
    help: "what runs units: this machine's systemd, or Flotilla itself (auto: systemd where it answers root)",
    fallback: "auto",
  },
  {
    name: "unit-dir",
    value: "DIR",
    help: "where unit files are put that systemd runs; must not outlive the machine's power",
    fallback: "/run/flotilla/units",
  },
  {
    name: "cgroup",
    value: "NAME",
    help: 'name of the daemon\'s cgroup; "none" uses no cgroups',
    fallback: "flotilla",
  },
  {
    name: "journal-max-use",
    value: "SIZE",
    help: "what all units' journals may take of the disk, such as 500M (default: a tenth of it, 4G at most)",
  },
  {
    name: "journal-max-age",
    value: "TIME",
    help: "how long what units wrote is kept",
    fallback: "90d",
  },
  {
    name: "on-exit",
    value: "leave|stop",
    help: "on SIGTERM leave units running or stop them",
    fallback: "leave",
  },
  {
    name: "hand-over",
    value: "TIME",
    help: "how long units that stop so are waited for to be active on other machines first",
    fallback: "60s",
  },
  { name: "log-level", value: "LEVEL", help: "debug, info, warn or error", fallback: "info" },
] as const satisfies readonly Setting[];

export type SettingName = (typeof SETTINGS)[number]["name"];
export type SettingValues = Readonly<Partial<Record<SettingName, string>>>;
