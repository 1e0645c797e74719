/**
 * What each task needs from the machine: pure decisions, which scripts/run.mjs carries out.
 * Plain JavaScript, because it runs before anything is installed.
 */

/**
 * A program (or a file, by its path), the Debian package that has it, and the tasks that cannot do without it.
 * @typedef {{ command: string, package: string, tasks: readonly string[], why: string }} Need
 */

/** @type {readonly Need[]} */
const NEEDS = [
  {
    command: "perl",
    package: "perl-base",
    tasks: ["start", "test", "bench"],
    why: "each running unit is held by a small Perl program",
  },
  {
    command: "etcdctl",
    package: "etcd-client",
    tasks: ["test", "prove"],
    why: "the store is tested with etcd's own client",
  },
  {
    command: "etcd",
    package: "etcd-server",
    tasks: ["test", "prove"],
    why: "the store's rules are compared with a real etcd",
  },
  {
    command: "/usr/lib/python3/dist-packages/etcd3",
    package: "python3-etcd3",
    tasks: ["test"],
    why: "the store is tested with a client of another language",
  },
  {
    command: "openssl",
    package: "openssl",
    tasks: ["test", "prove"],
    why: "the store is tested with certificates of every kind",
  },
  {
    command: "ip",
    package: "iproute2",
    tasks: ["test"],
    why: "machines with addresses of their own are tested in network namespaces",
  },
  {
    command: "nsenter",
    package: "util-linux",
    tasks: ["test"],
    why: "machines with addresses of their own are tested in network namespaces",
  },
  {
    command: "mount",
    package: "mount",
    tasks: ["test"],
    why: "a full disk is tested on a small file system",
  },
  {
    command: "systemd-nspawn",
    package: "systemd-container",
    tasks: ["test"],
    why: "the embedded supervisor is compared with a real systemd, and real machines are booted",
  },
  {
    command: "debootstrap",
    package: "debootstrap",
    tasks: ["test"],
    why: "real machines are booted from a Debian root of their own",
  },
  {
    command: "strip",
    package: "binutils",
    tasks: ["build", "test"],
    why: "Node's symbols, a seventh of it, are left out of the executable",
  },
  {
    command: "dpkg-deb",
    package: "dpkg",
    tasks: ["build", "test"],
    why: "the Debian package is packed with it",
  },
];

/** @param {string} task @returns {readonly Need[]} */
export function taskNeeds(task) {
  return NEEDS.filter((need) => need.tasks.includes(task));
}

/**
 * The needs that are not met, one for each package.
 * @param {readonly Need[]} needs
 * @param {(command: string) => boolean} isThere
 * @returns {readonly Need[]}
 */
export function missingPackages(needs, isThere) {
  const missing = needs.filter((need) => !isThere(need.command));
  return missing.filter(
    (need, index) => index === missing.findIndex((other) => other.package === need.package),
  );
}

/**
 * Whether node_modules holds just what the lock file asks for.
 * @param {{ packages: Record<string, { version?: string, integrity?: string, optional?: boolean }> }} lock package-lock.json
 * @param {{ packages: Record<string, { version?: string, integrity?: string }> }} installed npm's node_modules/.package-lock.json
 * @returns {boolean}
 */
export function installedMatchesLock(lock, installed) {
  const wanted = Object.entries(lock.packages).filter(([path]) => path !== "");
  /** @type {(path: string, entry: { version?: string, integrity?: string, optional?: boolean }) => boolean} */
  const isSame = (path, entry) => {
    const there = installed.packages[path];
    // Optional packages for another platform are rightly absent.
    if (there === undefined) return entry.optional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  };
  const paths = new Set(wanted.map(([path]) => path));
  return (
    wanted.every(([path, entry]) => isSame(path, entry)) &&
    Object.keys(installed.packages).every((path) => paths.has(path))
  );
}
