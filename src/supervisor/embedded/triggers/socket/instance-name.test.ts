import { expect, test } from "vitest";
import type { PeerAddress } from "#unit/socket-address.ts";
import { connectionName, remoteVariables } from "./instance-name.ts";

const inet = (host: string, port: number): PeerAddress => ({ family: "inet", host, port });
const UNIX: PeerAddress = { family: "unix" };

test.each([
  [inet("127.0.0.1", 80), inet("10.0.0.2", 40_000), "127.0.0.1:80-10.0.0.2:40000"],
  [
    { family: "inet6" as const, host: "::1", port: 80 },
    { family: "inet6" as const, host: "fe80::2", port: 40_000 },
    "::1:80-fe80::2:40000",
  ],
  [UNIX, UNIX, "7-1000"],
])("an instance is told apart by both ends: %j %j", (local, remote, name) => {
  expect(connectionName({ local, remote, pid: 7, uid: 1000 })).toBe(name);
});

test("a process of another namespace is unknown", () => {
  expect(connectionName({ local: UNIX, remote: UNIX, pid: 0, uid: 0 })).toBe("unknown");
});

test("the other end of a Unix socket has no address", () => {
  expect(remoteVariables(UNIX)).toEqual({});
  expect(remoteVariables(inet("10.0.0.2", 5))).toEqual({ REMOTE_ADDR: "10.0.0.2", REMOTE_PORT: "5" });
});
