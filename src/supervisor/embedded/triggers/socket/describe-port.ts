/** A port of a socket unit as its status shows it. Pure. */
import type { ListenPort } from "#unit/read-socket.ts";
import { formatAddress } from "#unit/socket-address.ts";

/** `127.0.0.1:80 (Stream)`, as systemctl shows it. */
export function describePort(port: ListenPort): string {
  switch (port.kind) {
    case "unsupported":
      return port.setting;
    case "fifo":
      return `${port.path} (FIFO)`;
    default:
      return `${formatAddress(port.address)} (${PORT_KINDS[port.kind]})`;
  }
}

const PORT_KINDS = {
  stream: "Stream",
  datagram: "Datagram",
  "sequential-packet": "SequentialPacket",
} as const;
