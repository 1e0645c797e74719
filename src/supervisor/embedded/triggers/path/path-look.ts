/** How path units see the file system. */
import { accessSync, globSync, readdirSync } from "node:fs";
import type { PathLook } from "./path-check.ts";

export const SYSTEM_LOOK: PathLook = {
  exists: (path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  },
  firstMatch: (pattern) => globSync(pattern).sort()[0],
  isOccupied: (directory) => {
    try {
      return readdirSync(directory).some((name) => !isHiddenOrBackup(name));
    } catch {
      return false;
    }
  },
};

/** systemd's hidden_or_backup_file(): what editors and package managers leave beside files does not count. */
function isHiddenOrBackup(name: string): boolean {
  return /^\.|^lost\+found$|^aquota\.(user|group)$|~$|\.(rpmnew|rpmsave|rpmorig|dpkg-[a-z]+|ucf-(new|old|dist)|swp|bak|old|new)$/.test(
    name,
  );
}
