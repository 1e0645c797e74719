/** Capabilities by their kernel names, and sets of them as the kernel's bit masks: capabilities(7). */

import type { Grammar } from "./grammar.ts";
import { splitWords } from "./words.ts";

/** A bit a capability. */
export type CapabilitySet = bigint;

/** In the kernel's order: the index is the number. */
export const CAPABILITIES: readonly string[] =
  `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
   net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
   sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
   mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`
    .split(/\s+/)
    .map((name) => `CAP_${name.toUpperCase()}`);

export const ALL_CAPABILITIES: CapabilitySet = (1n << BigInt(CAPABILITIES.length)) - 1n;

/** The set of these names; unknown ones are left out. */
export function capabilitySet(...names: readonly string[]): CapabilitySet {
  return names.reduce((set, name) => set | bitOf(name), 0n);
}

function bitOf(name: string): CapabilitySet {
  const number = CAPABILITIES.indexOf(name.toUpperCase());
  return number < 0 ? 0n : 1n << BigInt(number);
}

/** One assignment; `~` before the names means all but these. */
export interface CapabilityAssignment {
  readonly inverted: boolean;
  readonly set: CapabilitySet;
}

/** `CAP_NET_ADMIN CAP_CHOWN`, or `~CAP_SYS_ADMIN` for all the others. */
export const capabilities: Grammar<CapabilityAssignment> = {
  name: "capabilities such as CAP_NET_BIND_SERVICE CAP_CHOWN, after ~ for all but these",
  takesEmpty: true,
  parse: (value) => {
    const inverted = value.startsWith("~");
    // Words that are no capabilities mean nothing, and systemd says nothing of them.
    const { words } = splitWords(inverted ? value.slice(1) : value);
    return { inverted, set: capabilitySet(...words) };
  },
};

/** Several assignments in order: the first one, and an empty one, begin anew from `initial`; others add or take away. */
export function foldCapabilities(
  assignments: readonly CapabilityAssignment[],
  initial: CapabilitySet,
): CapabilitySet {
  return assignments.reduce((current, { inverted, set }) => {
    if (set === 0n || current === initial) return inverted ? ALL_CAPABILITIES & ~set : set;
    return inverted ? current & ~set : current | set;
  }, initial);
}
