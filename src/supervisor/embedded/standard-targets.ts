/**
 * The targets that every unit file may count on: systemd.special(7).
 *
 * What they stand for on a machine that systemd boots is done before this supervisor comes up, so they are always
 * active, and nothing stops them. Those of a shutdown are never active: there is none from here. A unit file of the
 * same name takes the place of any of them.
 */

const ACTIVE: ReadonlySet<string> = new Set([
  "basic.target",
  "cryptsetup.target",
  "default.target",
  "first-boot-complete.target",
  "getty.target",
  "graphical.target",
  "local-fs-pre.target",
  "local-fs.target",
  "multi-user.target",
  "network-online.target",
  "network-pre.target",
  "network.target",
  "nss-lookup.target",
  "nss-user-lookup.target",
  "paths.target",
  "remote-fs-pre.target",
  "remote-fs.target",
  "rpcbind.target",
  "slices.target",
  "sockets.target",
  "swap.target",
  "sysinit.target",
  "time-set.target",
  "time-sync.target",
  "timers.target",
]);

const INACTIVE: ReadonlySet<string> = new Set([
  "emergency.target",
  "exit.target",
  "final.target",
  "halt.target",
  "kexec.target",
  "poweroff.target",
  "reboot.target",
  "rescue.target",
  "shutdown.target",
  "umount.target",
]);

/** The state of a standard target; undefined: it is none. */
export function standardTarget(name: string): "active" | "inactive" | undefined {
  if (ACTIVE.has(name)) return "active";
  return INACTIVE.has(name) ? "inactive" : undefined;
}
