/** What this machine runs in, by systemd's names (systemd-detect-virt(1)): a container before a virtual machine. */
import { existsSync } from "node:fs";
import { release } from "node:os";
import { parseBoolean } from "#unit/values.ts";
import { readText } from "./check.ts";

export interface Virtualization {
  readonly kind: "vm" | "container";
  readonly name: string;
}

/** ConditionVirtualization=: a name, a kind, or whether there is any. */
export function isVirtualized(argument: string): boolean {
  if (argument === "private-users") return isInUserNamespace();
  const found = detectVirtualization();
  const wanted = parseBoolean(argument);
  if (wanted !== undefined) return wanted === (found !== undefined);
  return found !== undefined && (argument === found.kind || argument === found.name);
}

function isInUserNamespace(): boolean {
  const map = readText("/proc/self/uid_map").trim().split(/\s+/).join(" ");
  return map !== "" && map !== "0 0 4294967295";
}

export function detectVirtualization(): Virtualization | undefined {
  const container = detectContainer();
  if (container !== undefined) return { kind: "container", name: container };
  const machine = detectMachine();
  return machine === undefined ? undefined : { kind: "vm", name: machine };
}

const CONTAINERS: ReadonlySet<string> = new Set([
  ...["lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot", "pouch", "openvz"],
]);

function detectContainer(): string | undefined {
  if (existsSync("/proc/vz") && !existsSync("/proc/bc")) return "openvz";
  if (/microsoft|wsl/i.test(release())) return "wsl";
  const told =
    readText("/run/systemd/container").trim() ||
    readText("/run/host/container-manager").trim() ||
    (/(?:^|\0)container=([^\0]*)/.exec(readText("/proc/1/environ"))?.[1] ?? "");
  if (told !== "") return CONTAINERS.has(told) ? told : "container-other";
  if (existsSync("/run/.containerenv")) return "podman";
  return existsSync("/.dockerenv") ? "docker" : undefined;
}

/** What the makers of virtual machines write into their firmware's tables. */
const FIRMWARE: readonly (readonly [mark: RegExp, name: string])[] = [
  [/KVM|^OpenStack/, "kvm"],
  [/^Amazon EC2/, "amazon"],
  [/QEMU/, "qemu"],
  [/VMware|^VMW/, "vmware"],
  [/innotek GmbH|VirtualBox/, "oracle"],
  [/Xen/, "xen"],
  [/Bochs/, "bochs"],
  [/Parallels/, "parallels"],
  [/BHYVE/, "bhyve"],
  [/Hyper-V|Microsoft Corporation/, "microsoft"],
  [/Google/, "google"],
];

const FIRMWARE_FIELDS = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"];

function detectMachine(): string | undefined {
  for (const field of FIRMWARE_FIELDS) {
    const text = readText(`/sys/class/dmi/id/${field}`);
    const known = FIRMWARE.find(([mark]) => mark.test(text));
    if (known !== undefined) return known[1];
  }
  if (existsSync("/proc/xen/capabilities")) {
    return readText("/proc/xen/capabilities").includes("control_d") ? undefined : "xen";
  }
  return /^flags\s*:.*\bhypervisor\b/m.test(readText("/proc/cpuinfo")) ? "vm-other" : undefined;
}
