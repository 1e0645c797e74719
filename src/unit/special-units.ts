/** Units that are there on every machine without a file of anybody's: systemd.special(7). */
import { parseUnitName } from "./name.ts";

const SPECIAL_TARGETS: ReadonlySet<string> = new Set(
  (
    "basic blockdev@ bluetooth boot-complete cryptsetup cryptsetup-pre ctrl-alt-del default emergency exit final " +
    "factory-reset first-boot-complete getty getty-pre graphical graphical-session graphical-session-pre halt hibernate " +
    "hybrid-sleep initrd initrd-fs initrd-root-device initrd-root-fs initrd-switch-root initrd-usr-fs integritysetup " +
    "integritysetup-pre kbrequest kexec local-fs local-fs-pre machines multi-user network network-online network-pre " +
    "nss-lookup nss-user-lookup paths poweroff printer reboot remote-cryptsetup remote-fs remote-fs-pre rescue rpcbind " +
    "shutdown sigpwr sleep slices smartcard sockets sound storage-target-mode suspend suspend-then-hibernate swap sysinit " +
    "system-update system-update-pre systemd-pcrphase time-set time-sync timers umount usb-gadget usrlocal " +
    "veritysetup veritysetup-pre runlevel2 runlevel3 runlevel4 runlevel5 xdg-desktop-autostart"
  ).split(" "),
);

/** Types of units that systemd makes by itself from what it finds on the machine. */
const FOUND_TYPES: ReadonlySet<string> = new Set(["device", "mount", "automount", "swap", "slice", "scope"]);

/** True for a unit that nobody has to write: a target of the boot, systemd's own services, what a machine has. */
export function isSpecialUnit(name: string): boolean {
  const { prefix, suffix } = parseUnitName(name);
  if (FOUND_TYPES.has(suffix) || prefix.startsWith("systemd-")) return true;
  if (suffix === "target") return SPECIAL_TARGETS.has(prefix) || SPECIAL_TARGETS.has(`${prefix}@`);
  return prefix === "dbus" || prefix === "syslog";
}
