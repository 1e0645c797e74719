/** The block device that a path is, or is on, as cgroups name it. */
import { readFileSync, statSync } from "node:fs";

/** `major:minor` of the whole disk; undefined when there is no such path or it is on no disk. */
export function blockDeviceOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const number = formatDevice(found.isBlockDevice() ? found.rdev : found.dev);
  try {
    // Limits are the whole disk's; a partition's directory is inside that of its disk.
    return readFileSync(`/sys/dev/block/${number}/../dev`, "utf8").trim();
  } catch {
    return isBlockDevice(number) ? number : undefined;
  }
}

function isBlockDevice(number: string): boolean {
  return statSync(`/sys/dev/block/${number}`, { throwIfNoEntry: false }) !== undefined;
}

/** A device number as glibc packs it (makedev(3)): twelve bits of major, the rest minor. */
export function formatDevice(device: number): string {
  const packed = BigInt(device);
  const major = ((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn);
  const minor = (packed & 0xffn) | ((packed >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}
