import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMessage, encodeRequest, encodeWithin } from "./protocol.ts";

test("a request is one line, whatever its texts hold", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const line = encodeRequest({ kind: "log", priority: 3, text });
      expect(line.endsWith("\n")).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(/\n|\0/);
      expect(line.split("\t")).toHaveLength(3);
    }),
  );
});

test("a run carries lists as repeated fields and leaves out what is not set", () => {
  const line = encodeRequest({
    kind: "run",
    request: {
      run: 7,
      path: "/bin/x",
      searchPath: ["/bin"],
      skipMissing: true,
      argv: ["x", "a b", "50%"],
      env: ["A=1=2"],
      cwd: { path: "/tmp", optional: true },
      umask: 0o22,
      groups: [1, 2],
      rlimits: ["nofile:1:infinity"],
      noNewPrivileges: false,
      ignoreSigpipe: true,
      idle: true,
      cgroupProcs: [],
      stdin: "null",
      log: { identifier: "x", facility: 3, level: 6, levelPrefix: true, levelMax: 4, extraFields: ["A=1"] },
      attributes: { cpuAffinity: [0, 2], capabilityAmbient: 1n << 40n },
      sandbox: {
        shared: ["net"],
        borrowed: [["net", "/run/f/a/1"]],
        joined: [],
        hostname: false,
        users: true,
        mounts: {
          propagation: "slave",
          staging: "/s",
          entries: [{ kind: "bind", path: "/a", optional: true, source: "/b" }],
        },
      },
      stdout: "journal",
      stderr: "file:/tmp/x",
      refusal: { step: "user", error: "there is no user x" },
    },
  });
  expect(line.trimEnd().split("\t")).toEqual([
    "run",
    "run=7",
    "path=/bin/x",
    "search=/bin",
    "skip_missing=1",
    "argv=x",
    "argv=a b",
    "argv=50%25",
    "env=A=1=2",
    "cwd=1:/tmp",
    "umask=22",
    "groups=1",
    "groups=2",
    "rlimit=nofile:1:infinity",
    "nnp=0",
    "sigpipe=1",
    "idle=1",
    "stdin=null",
    "stdout=journal",
    "stderr=file:/tmp/x",
    "log_identifier=x",
    "log_facility=3",
    "log_level=6",
    "log_prefix=1",
    "log_max=4",
    "log_field=A=1",
    "attributes=1",
    "affinity=0,2",
    "ambient=10000000000",
    "sandbox=1",
    "shared_ns=net",
    "borrowed_ns=net:/run/f/a/1",
    "own_hostname=0",
    "own_users=1",
    "propagation=slave",
    "staging=/s",
    "mount=bind%00/a%001%00/b%00%000%000",
    "refusal=user:there is no user x",
  ]);
});

test.each([
  ["started\tseq=1\trun=2\tpid=3", { kind: "started", run: 2, pid: 3 }],
  ["adopted\tseq=1\trun=2\tpid=3\tforeign=0", { kind: "adopted", run: 2, pid: 3 }],
  ["adopted\tseq=1\trun=2\tpid=3\tforeign=1", { kind: "adopted", run: 2, pid: 3, foreign: true }],
  ["adopted\tseq=1\trun=2\tpid=0\trefusal=gone", { kind: "adopted", run: 2, pid: 0, refusal: "gone" }],
  ["exited\tseq=1\trun=2\tpid=3\tlast=1", { kind: "exited", run: 2, pid: 3, core: false, last: true }],
  ["oom\tseq=1", { kind: "oom" }],
  ["hangup\tseq=1\tfd=4", { kind: "hangup", fd: 4 }],
  [
    "notify\tseq=1\tpid=3\tuid=8\trun=7\ttext=A\tfds=1,2:1:7",
    {
      kind: "notify",
      pid: 3,
      uid: 8,
      run: 7,
      text: "A",
      fds: [
        { fd: 1, same: [] },
        { fd: 2, same: [1, 7] },
      ],
    },
  ],
  [
    "exited\tseq=1\trun=2\tpid=3\tcode=143",
    { kind: "exited", run: 2, pid: 3, code: 143, core: false, last: false },
  ],
  [
    "exited\tseq=1\trun=2\tpid=3\tsignal=15\tcore=1\tlast=1",
    { kind: "exited", run: 2, pid: 3, signal: 15, core: true, last: true },
  ],
  [
    "notify\tseq=1\tpid=3\tuid=7\trun=\ttext=A=1%0AB=2",
    { kind: "notify", pid: 3, uid: 7, text: "A=1\nB=2", fds: [] },
  ],
  ["failed\tseq=1\trun=2\tstep=exec\terror=no", { kind: "failed", run: 2, step: "exec", error: "no" }],
  ["empty\tseq=1", { kind: "empty" }],
  ["incoming\tseq=1", { kind: "incoming" }],
  ["opened\tseq=1\tport=2", { kind: "opened", port: 2 }],
  ["opened\tseq=1\tport=2\terror=in use", { kind: "opened", port: 2, error: "in use" }],
  [
    "accepted\tseq=1\tconnection=4\tlocal=0200\tremote=0201\tpid=5\tuid=6",
    { kind: "accepted", connection: 4, local: "0200", remote: "0201", pid: 5, uid: 6 },
  ],
  ["observed\tseq=1", { kind: "observed" }],
  ["touched\tseq=1\tspec=2\tprimary=1", { kind: "touched", spec: 2, primary: true }],
])("%j is an event", (line, event) => {
  expect(decodeMessage(line)).toEqual({ kind: "event", seq: 1, event });
});

test("a hello brings the saved state back, and an unknown verb is passed over", () => {
  expect(decodeMessage('hello\tseq=4\tsaved={"a":"x%09y"}\tshim=5')).toEqual({
    kind: "hello",
    hello: { shim: 5, saved: '{"a":"x\ty"}' },
  });
  expect(decodeMessage("dance\tseq=1")).toBeUndefined();
});

test("lists become several fields of one key", () => {
  expect(encodeRequest({ kind: "observe", path: ["/a", "/b"], mask: [1, 2] })).toBe(
    "observe\tpath=/a\tpath=/b\tmask=1\tmask=2\n",
  );
  expect(encodeRequest({ kind: "unlisten", remove: [] })).toBe("unlisten\n");
});

test("requests within a line stand behind NULs, which no value of theirs holds", () => {
  const first = encodeRequest({ kind: "unpoll" }) + encodeRequest({ kind: "proceed" });
  expect(encodeWithin("spawn\tid=1\n", first)).toBe("spawn\tid=1\0unpoll\0proceed\n");
});
