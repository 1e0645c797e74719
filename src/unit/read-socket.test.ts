import { describe, expect, test } from "vitest";
import { nodesOf, readSocket } from "./read-socket.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

function read(lines: string, name = "web@1.socket") {
  return readSocket(parseUnitFile(`[Socket]\n${lines}\n`), specifierContext(name));
}

test("systemd's defaults", () => {
  const { settings, diagnostics } = read("ListenStream=80");
  expect(diagnostics).toEqual([]);
  expect(settings).toMatchObject({
    ports: [{ kind: "stream", address: { kind: "any", port: 80 } }],
    backlog: 4096,
    accept: false,
    service: "web@1.service",
    maxConnections: 64,
    maxConnectionsPerSource: 0,
    fileDescriptorName: "web@1.socket",
    flushPending: false,
    socketMode: 0o666,
    directoryMode: 0o755,
    symlinks: [],
    removeOnStop: false,
    triggerLimit: { intervalMs: 2000, burst: 20 },
    timeoutMs: 90_000,
    execStartPre: [],
    options: { bindIpv6Only: "default", keepAlive: false, timestamping: "off" },
  });
});

test("a socket that accepts has no service of its own, and may be triggered more often", () => {
  expect(read("ListenStream=80\nAccept=yes").settings).toMatchObject({
    accept: true,
    service: undefined,
    triggerLimit: { intervalMs: 2000, burst: 200 },
  });
});

test("ports come in the order of their lines, whatever their keys; an empty line forgets those before it", () => {
  const { settings } = read(
    "ListenFIFO=/f\nListenStream=1\nListenFIFO=\nListenDatagram=/d\nListenFIFO=/g\nListenStream=2",
  );
  expect(settings?.ports).toEqual([
    { kind: "datagram", address: { kind: "path", path: "/d" } },
    { kind: "fifo", path: "/g" },
    { kind: "stream", address: { kind: "any", port: 2 } },
  ]);
  expect(nodesOf(settings?.ports ?? [])).toEqual(["/d", "/g"]);
});

test("options", () => {
  const lines =
    "ListenStream=1\nIPTOS=low-delay\nIPTTL=7\nTimestamping=usec\nKeepAlive=yes\nKeepAliveTimeSec=2min\nMark=3\n" +
    "SocketProtocol=mptcp\nReceiveBuffer=16K\nSymlinks=/a /b\nListenFIFO=/f\nTCPCongestion=reno\nPipeSize=64K";
  expect(read(lines).settings).toMatchObject({
    symlinks: ["/a", "/b"],
    options: {
      ipTos: 16,
      ipTtl: 7,
      timestamping: "us",
      keepAlive: true,
      keepAliveMs: 120_000,
      mark: 3,
      protocol: "mptcp",
      receiveBuffer: 16_384,
      tcpCongestion: "reno",
      pipeSize: 65_536,
    },
  });
});

test("what this supervisor cannot open is kept as it is written", () => {
  const { settings } = read("ListenNetlink=kobject-uevent 1\nListenStream=vsock:2:80\nListenSpecial=/dev/x");
  expect(settings?.ports.map((port) => port.kind === "unsupported" && port.setting)).toEqual([
    "ListenNetlink=kobject-uevent 1",
    "ListenStream=vsock:",
    "ListenSpecial=/dev/x",
  ]);
});

describe("refusals, in systemd's words", () => {
  test.each([
    ["Backlog=1", "Unit has no Listen setting (ListenStream=, ListenDatagram=, ListenFIFO=, ...). Refusing."],
    [
      "ListenDatagram=1\nAccept=yes",
      "Unit configured for accepting sockets, but sockets are non-accepting. Refusing.",
    ],
    ["ListenStream=1\nAccept=yes\nMaxConnections=0", "MaxConnection= setting too small. Refusing."],
    [
      "ListenStream=1\nAccept=yes\nService=a.service",
      "Explicit service configuration for accepting socket units not supported. Refusing.",
    ],
    [
      "ListenStream=1\nSymlinks=/a",
      "Unit has symlinks set but none or more than one node in the file system. Refusing.",
    ],
  ])("%j", (lines, message) => {
    const { settings, diagnostics } = read(lines);
    expect(settings).toBeUndefined();
    expect(diagnostics.map((found) => [found.severity, found.message])).toEqual([["error", message]]);
  });
});

describe("complaints, in systemd's words", () => {
  test.each([
    ["ListenStream=foo", "Failed to parse address value in 'foo', ignoring: Invalid argument"],
    [
      "ListenStream=99999",
      "Failed to parse address value in '99999', ignoring: Numerical result out of range",
    ],
    ["ListenSequentialPacket=80", "Address family not supported, ignoring: 80"],
    ["ListenFIFO=x", "ListenFIFO= path is not absolute, ignoring: x"],
    ["Service=foo.socket", "Unit must be of type service, ignoring: foo.socket"],
    ["FileDescriptorName=a:b", "Invalid file descriptor name, ignoring: a:b"],
    ["BindToDevice=a b", "Invalid interface name, ignoring: a b"],
    ["IPTOS=foo", "Failed to parse IP TOS value, ignoring: foo"],
    ["Timestamping=x", "Failed to parse timestamping precision, ignoring: x"],
    ["Symlinks=x", "Symlinks= path is not absolute, ignoring: x"],
  ])("%s", (line, message) => {
    const { settings, diagnostics } = read(`ListenStream=/run/x\n${line}`);
    expect(diagnostics.map((found) => found.message)).toEqual([message]);
    expect(settings?.ports).toHaveLength(1);
  });
});
