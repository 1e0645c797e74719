import { execFile } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EventBody, JournalLine, UnitChange } from "#api/bodies.ts";
import { createAskPeer } from "#api/peer.ts";
import { serveApi } from "#api/serve.ts";
import { readAhead } from "#api/stream.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { FlotillaClient } from "#client/client.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { JournalEntry } from "#supervisor/supervisor.ts";
import { journalEntry, M1, M2, SERVICE, TestCluster } from "./served-cluster.ts";

const open: TestCluster[] = [];
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
});

async function start(...options: Parameters<typeof TestCluster.start>): Promise<TestCluster> {
  const cluster = await TestCluster.start(...options);
  open.push(cluster);
  return cluster;
}

async function codeOf(doing: Promise<unknown>): Promise<string> {
  try {
    await doing;
    return "none";
  } catch (error) {
    return error instanceof FlotillaError ? error.code : String(error);
  }
}

describe("following events", () => {
  test("resumes behind the event whose ID is given, without a gap and without a repetition", async () => {
    const cluster = await start();
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).http });
    for (const message of ["one", "two", "three"]) await cluster.addEvent({ message });
    const [first] = await client.events();
    const seen: string[] = [];
    const ended = new AbortController();
    for await (const event of client.followEvents({}, first?.id, ended.signal)) {
      seen.push(event.message);
      if (event.message === "three") await cluster.addEvent({ message: "four" });
      if (event.message === "four") ended.abort();
    }
    expect(seen).toEqual(["two", "three", "four"]);
  });

  test("resumes by the header Last-Event-ID, also behind a compaction", async () => {
    const cluster = await start();
    for (const message of ["one", "two"]) await cluster.addEvent({ message });
    const { body } = await cluster.call<{ events: EventBody[] }>("GET", "/v1/events");
    await cluster.store.compact(cluster.dependencies.mirror.revision);
    const gone = new AbortController();
    const response = await cluster.fetch(
      new Request("http://api/v1/events/watch", {
        headers: { "last-event-id": body.events[0]?.id ?? "" },
        signal: gone.signal,
      }),
    );
    const text = await readUntil(response, "data:");
    expect(text).toContain(`id: ${body.events[1]?.id}\nevent: unit-active\ndata: {`);
    expect(text).toContain('"message":"two"');
  });

  test("refuses an ID that is none", async () => {
    const cluster = await start();
    expect(await cluster.call("GET", "/v1/events/watch?after=yesterday")).toMatchObject({
      status: 400,
      body: { code: "bad-request" },
    });
  });

  test("of one unit shows no other's", async () => {
    const cluster = await start();
    await cluster.addEvent({ unit: "a.service", message: "of a" });
    await cluster.addEvent({ unit: "b.service", message: "of b" });
    const { body } = await cluster.call<{ events: EventBody[] }>("GET", "/v1/events?unit=a.service&limit=5");
    expect(body.events.map(({ message }) => message)).toEqual(["of a"]);
  });
});

/** The stream's text up to the piece that has `mark`; then lets go of the stream. */
async function readUntil(response: Response, mark: string): Promise<string> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader !== undefined && !text.includes(mark)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value);
  }
  await reader?.cancel();
  return text;
}

describe("watching units", () => {
  test("begins with what is and goes on with the rows of what changes", async () => {
    const cluster = await start();
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).unix });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    const ended = new AbortController();
    const seen: UnitChange[] = [];
    for await (const change of client.watchUnits(["a.service"], ended.signal)) {
      seen.push(change);
      if (seen.length === 1) await cluster.report("a.service", M1);
      if (change.units[0]?.active === "active") ended.abort();
    }
    expect(seen[0]).toMatchObject({ names: ["a.service"], units: [{ machine: null }] });
    expect(seen.at(-1)?.units).toMatchObject([{ machine: M1, active: "active" }]);
  });

  test("says why a unit is nowhere a moment later, unasked, and from then on at once", async () => {
    const cluster = await start();
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).unix });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    const ended = new AbortController();
    const seen: UnitChange[] = [];
    for await (const change of client.watchUnits(["a.service"], ended.signal)) {
      seen.push(change);
      if (seen.length === 2) await client.change("stop", ["a.service"]);
      if (seen.length === 3) ended.abort();
    }
    const why = "there are no machines";
    expect(seen.map(({ units }) => units[0]?.unplaced?.summary)).toEqual([undefined, why, why]);
  });

  test("lets go of the mirror when the client has gone", async () => {
    const plain = await start();
    const { mirror } = plain.dependencies;
    let listening = 0;
    const counted: ClusterMirror = {
      view: mirror.view,
      revision: mirror.revision,
      connected: mirror.connected,
      modRevision: (key) => mirror.modRevision(key),
      ready: (signal) => mirror.ready(signal),
      reached: (revision, signal) => mirror.reached(revision, signal),
      onChange: (listener) => {
        const stop = mirror.onChange(listener);
        listening += 1;
        return () => {
          listening -= 1;
          stop();
        };
      },
    };
    const cluster = await start({ mirror: counted });
    const response = await cluster.fetch(new Request("http://api/v1/units/watch"));
    await readUntil(response, "data:");
    await expect.poll(() => listening).toBe(0);
  });
});

describe("a reader that falls behind", () => {
  test("is cut off when the backlog is full", async () => {
    async function* many(): AsyncGenerator<number, void> {
      for (let number = 0; number < 100; number += 1) yield number;
    }
    const read: number[] = [];
    const reading = (async () => {
      for await (const number of readAhead(many(), 10)) {
        read.push(number);
        if (number === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    expect(await codeOf(reading)).toBe("limit-exceeded");
    expect(read.length).toBeLessThanOrEqual(12);
  });
});

describe("what a unit uses", () => {
  test("is asked of its machine, wherever the question comes in", async () => {
    const usage = { memoryBytes: 4096, tasks: 2 };
    const there = await start({ machineId: M2, usage: (unit) => (unit === "a.service" ? usage : {}) });
    const { http } = await there.serve();
    const here = await start({ askPeer: createAskPeer(() => undefined) });
    const client = new FlotillaClient({ endpoint: (await here.serve()).unix });
    await here.addMachine(M2, "m2", { api: http });
    expect(await client.usage("m2", "a.service")).toEqual(usage);
    expect(await client.usage(M2, "b.service")).toEqual({});
    await there.close();
    expect(await codeOf(client.usage("m2", "a.service"))).toBe("machine-gone");
    expect(await codeOf(client.usage("m3", "a.service"))).toBe("machine-not-found");
  });
});

describe("the journal", () => {
  async function* lines(): AsyncGenerator<JournalEntry, void> {
    yield journalEntry({ message: "hello" });
  }

  test("of a unit on another machine is asked for there", async () => {
    const there = await start({ machineId: M2, journal: lines });
    const { http } = await there.serve();
    const here = await start({
      askPeer: createAskPeer(() => undefined),
    });
    const client = new FlotillaClient({ endpoint: (await here.serve()).unix });
    await here.addMachine(M2, "m2", { api: http });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    await here.report("a.service", M2);
    const read: JournalLine[] = await Array.fromAsync(client.journal("a.service"));
    expect(read).toMatchObject([{ machine: M2, message: "hello" }]);
  });

  test("of a machine that dies while it is followed ends with that machine's name", async () => {
    async function* endless(): AsyncGenerator<JournalEntry, void> {
      yield* lines();
      await new Promise(() => undefined);
    }
    const there = await start({ machineId: M2, journal: endless });
    const { http } = await there.serve();
    const here = await start({ askPeer: createAskPeer(() => undefined) });
    const client = new FlotillaClient({ endpoint: (await here.serve()).unix });
    await here.addMachine(M2, "m2", { api: http });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    await here.report("a.service", M2);
    const following = (async () => {
      for await (const line of client.journal("a.service", { follow: "true" })) {
        expect(line.message).toBe("hello");
        void there.close();
      }
    })();
    await expect(following).rejects.toMatchObject({
      code: "machine-gone",
      message: expect.stringContaining("machine m2"),
    });
  });

  test("of a machine that is gone or does not answer is refused with its name", async () => {
    const cluster = await start();
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).unix });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    expect(await codeOf(Array.fromAsync(client.journal("a.service")))).toBe("unit-not-loaded");
    await cluster.report("a.service", M2);
    expect(await codeOf(Array.fromAsync(client.journal("a.service")))).toBe("machine-gone");
    await cluster.addMachine(M2, "m2");
    expect(await codeOf(Array.fromAsync(client.journal("a.service")))).toBe("machine-gone");
    expect(await codeOf(Array.fromAsync(client.journal("nope.service")))).toBe("unit-not-found");
  });

  test("that breaks off says so as its last line", async () => {
    async function* broken(): AsyncGenerator<JournalEntry, void> {
      yield* lines();
      throw new FlotillaError("disk-full", "no space");
    }
    const cluster = await start({ journal: broken });
    const client = new FlotillaClient({ endpoint: (await cluster.serve()).unix });
    await client.submit({ units: [{ unit: "a.service", text: SERVICE }], desired: "launched" });
    await cluster.report("a.service", M1);
    expect(await codeOf(Array.fromAsync(client.journal("a.service")))).toBe("disk-full");
  });
});

describe("serving", () => {
  let directory: string;
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await start();
    ({ directory } = await cluster.serve());
  });

  test("gives the socket to owner and group only", async () => {
    const { mode } = await stat(join(directory, "api.sock"));
    expect(mode & 0o777).toBe(0o660);
  });

  test("replaces a socket that a dead daemon has left", async () => {
    const socketPath = join(directory, "left.sock");
    const script = `require("node:net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
    await new Promise((resolve) => execFile(process.execPath, ["-e", script], () => resolve(undefined)));
    expect((await stat(socketPath)).isSocket()).toBe(true);
    const served = await serveApi({ api: cluster.api, socketPath, log: silentLogger });
    await new FlotillaClient({ endpoint: `unix:${socketPath}` }).health();
    await served.close();
  });

  test("takes no socket from a daemon that answers, and no file for one", async () => {
    const { api } = cluster;
    const socketPath = join(directory, "api.sock");
    expect(await codeOf(serveApi({ api, socketPath, log: silentLogger }))).toBe("state-dir-in-use");
    const path = join(directory, "file");
    await writeFile(path, "precious");
    expect(await codeOf(serveApi({ api, socketPath: path, log: silentLogger }))).toBe("bad-config");
    await new FlotillaClient({ endpoint: `unix:${socketPath}` }).health();
  });

  test("tells of each connection to its port, also of one that says nothing", async () => {
    const { api } = cluster;
    const heard = Promise.withResolvers<string | undefined>();
    const served = await serveApi({ api, host: "::", log: silentLogger, onConnection: heard.resolve });
    const socket = connect(served.port, "127.0.0.1");
    expect(await heard.promise).toBe("127.0.0.1");
    socket.destroy();
    await served.close();
  });

  test("refuses a path that is too long for a socket, and a port that is taken", async () => {
    const { api } = cluster;
    const long = join(directory, "x".repeat(120));
    expect(await codeOf(serveApi({ api, socketPath: long, log: silentLogger }))).toBe("bad-config");
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await codeOf(serveApi({ api, host: "127.0.0.1", port, log: silentLogger }))).toBe("bad-config");
    taken.close();
  });
});
