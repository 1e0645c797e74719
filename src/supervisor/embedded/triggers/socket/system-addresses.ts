/** What this machine's network says that addresses of sockets depend on, looked up when it is asked for. */
import { existsSync, readFileSync } from "node:fs";
import type { AddressFacts } from "#unit/socket-address.ts";

export const SYSTEM_ADDRESSES: AddressFacts = {
  get hasInet6() {
    return existsSync("/proc/net/if_inet6");
  },
  interfaceIndex: (name) => {
    const text = name.includes("/") ? "" : readText(`/sys/class/net/${name}/ifindex`);
    return text === "" ? undefined : Number(text);
  },
};

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
