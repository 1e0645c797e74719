/** Where systemd can be reached on this machine. */
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";

/** A way to systemd. */
export interface Way {
  /** For the log. */
  readonly name: string;
  /** A peer at the other end, no bus. */
  readonly isDirect: boolean;
  open(): Promise<Duplex>;
}

/**
 * The bus, which is systemd's documented way and keeps subscriptions while systemd executes itself anew; and its
 * private socket, which serves root also where no bus runs.
 */
export function systemWays(root = "/"): readonly Way[] {
  return [
    way("the bus", join(root, "run/dbus/system_bus_socket"), false),
    way("systemd's private socket", join(root, "run/systemd/private"), true),
  ];
}

function way(name: string, path: string, isDirect: boolean): Way {
  return {
    name,
    isDirect,
    open: async () => {
      const socket = connect(path);
      await once(socket, "connect");
      return socket;
    },
  };
}
