import { describe, expect, test } from "vitest";
import { readSocket } from "#unit/read-socket.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import {
  initialSocketState,
  type SocketAction,
  type SocketState,
  type SocketUnitEvent,
} from "./socket-state.ts";
import { type SocketContext, stepSocket } from "./socket-step.ts";

/** A socket unit of these lines, driven by events; time goes by 10 ms with each. */
class Subject {
  state: SocketState = initialSocketState(0);
  readonly actions: SocketAction[] = [];
  service: SocketContext["service"] = { active: "inactive", sub: "dead" };
  hasJob = false;
  #nowMs = 0;
  readonly #settings;

  constructor(lines: string) {
    const { settings } = readSocket(parseUnitFile(`[Socket]\n${lines}\n`), specifierContext("web.socket"));
    if (settings === undefined) throw new Error("not a socket");
    this.#settings = settings;
  }

  /** Kinds of what is to be done, but for the journal's lines. */
  step(event: SocketUnitEvent): readonly string[] {
    this.#nowMs += 10;
    const { service, hasJob } = this;
    const context = {
      unit: "web.socket",
      title: "web.socket - Web",
      settings: this.#settings,
      nowMs: this.#nowMs,
      invocation: "i",
      service,
      hasJob,
    };
    const { state, actions } = stepSocket(context, this.state, event);
    this.state = state;
    this.actions.push(...actions);
    return actions.filter(({ kind }) => kind !== "log").map(({ kind }) => kind);
  }

  opened(): readonly string[] {
    this.step({ kind: "start" });
    return this.step({ kind: "opened", port: 0 });
  }

  accept(connection: number, host = "10.0.0.1"): readonly string[] {
    return this.step({
      kind: "accepted",
      connection,
      instance: `x${connection}`,
      remote: { family: "inet", host, port: 5 },
    });
  }
}

describe("a start", () => {
  test("opens the ports, and listens when all are open", () => {
    const subject = new Subject("ListenStream=1\nListenStream=2");
    expect(subject.step({ kind: "start" })).toEqual(["listen"]);
    expect(subject.state.sub).toBe("start-chown");
    expect(subject.step({ kind: "opened", port: 0 })).toEqual([]);
    expect(subject.step({ kind: "opened", port: 1 })).toEqual(["poll", "up"]);
    expect(subject.state).toMatchObject({ sub: "listening", names: ["web.socket", "web.socket"] });
  });

  test("that cannot open a port closes those it has opened", () => {
    const subject = new Subject("ListenStream=1\nListenStream=2");
    subject.step({ kind: "start" });
    subject.step({ kind: "opened", port: 0 });
    expect(subject.step({ kind: "opened", port: 1, error: "in use" })).toEqual(["unlisten", "ended"]);
    expect(subject.state).toMatchObject({
      sub: "failed",
      result: "resources",
      message: "cannot listen: in use",
    });
  });

  test("runs its commands in order, and goes on at the end of each", () => {
    const subject = new Subject("ListenStream=1\nExecStartPre=/a\nExecStartPre=/b\nExecStartPost=/c");
    expect(subject.step({ kind: "start" })).toEqual(["run"]);
    expect(subject.step({ kind: "exited", run: 1, result: "success" })).toEqual(["run"]);
    expect(subject.step({ kind: "exited", run: 2, result: "success" })).toEqual(["listen"]);
    expect(subject.step({ kind: "opened", port: 0 })).toEqual(["run"]);
    expect(subject.state.sub).toBe("start-post");
    expect(subject.step({ kind: "exited", run: 3, result: "success" })).toEqual(["poll", "up"]);
  });

  test("whose command takes too long ends it, first gently", () => {
    const subject = new Subject("ListenStream=1\nExecStartPre=/a");
    subject.step({ kind: "start" });
    expect(subject.step({ kind: "deadline" })).toEqual(["kill"]);
    expect(subject.state.sub).toBe("final-sigterm");
    expect(subject.step({ kind: "deadline" })).toEqual(["kill"]);
    expect(subject.state.sub).toBe("final-sigkill");
    subject.step({ kind: "exited", run: 1, result: "signal" });
    expect(subject.step({ kind: "empty" })).toEqual(["ended"]);
    expect(subject.state).toMatchObject({ sub: "failed", result: "timeout" });
  });
});

describe("traffic", () => {
  test("starts the service once, until it has ended", () => {
    const subject = new Subject("ListenStream=1");
    subject.opened();
    expect(subject.step({ kind: "incoming" })).toEqual(["trigger", "unpoll"]);
    expect(subject.state.sub).toBe("running");
    expect(subject.step({ kind: "incoming" })).toEqual([]);
    subject.service = { active: "active", sub: "running" };
    expect(subject.step({ kind: "service" })).toEqual([]);
    subject.service = { active: "inactive", sub: "dead" };
    expect(subject.step({ kind: "service" })).toEqual(["poll"]);
    expect(subject.state.sub).toBe("listening");
  });

  test("starts nothing where the service runs already or is about to", () => {
    const subject = new Subject("ListenStream=1");
    subject.opened();
    subject.hasJob = true;
    expect(subject.step({ kind: "incoming" })).toEqual(["unpoll"]);
    expect(subject.state.sub).toBe("running");
  });

  test("that starts the service too often is the unit's failure", () => {
    const subject = new Subject("ListenStream=1\nTriggerLimitBurst=2");
    subject.opened();
    for (const _ of [1, 2]) {
      subject.step({ kind: "incoming" });
      subject.step({ kind: "service" });
    }
    expect(subject.step({ kind: "incoming" })).toEqual(["unpoll", "unlisten", "ended"]);
    expect(subject.state).toMatchObject({ sub: "failed", result: "trigger-limit-hit" });
  });

  test("waits no more for a service that has reached its start limit", () => {
    const subject = new Subject("ListenStream=1");
    subject.opened();
    subject.step({ kind: "incoming" });
    subject.service = { active: "failed", sub: "failed", startLimitHit: true };
    subject.step({ kind: "service" });
    expect(subject.state).toMatchObject({ sub: "failed", result: "service-start-limit-hit" });
  });
});

describe("connections", () => {
  test("get instances of their own with numbers that go up, and are let go when served", () => {
    const subject = new Subject("ListenStream=1\nAccept=yes");
    subject.opened();
    expect(subject.accept(1)).toEqual(["serve"]);
    expect(subject.accept(2)).toEqual(["serve"]);
    expect(subject.state.connections.map(({ unit }) => unit)).toEqual([
      "web@0-x1.service",
      "web@1-x2.service",
    ]);
    expect(subject.step({ kind: "served", connection: 1 })).toEqual(["drop"]);
    expect(subject.state.connections.map(({ connection }) => connection)).toEqual([2]);
  });

  test("above the limits are dropped, and those that are held go on", () => {
    const subject = new Subject("ListenStream=1\nAccept=yes\nMaxConnections=2\nMaxConnectionsPerSource=1");
    subject.opened();
    expect(subject.accept(1)).toEqual(["serve"]);
    expect(subject.accept(2)).toEqual(["drop"]);
    expect(subject.accept(3, "10.0.0.2")).toEqual(["serve"]);
    expect(subject.accept(4, "10.0.0.3")).toEqual(["drop"]);
    expect(subject.state).toMatchObject({ sub: "listening", accepted: 2, refused: 2 });
  });

  test("that come while the unit stops are dropped", () => {
    const subject = new Subject("ListenStream=1\nAccept=yes\nExecStopPre=/a");
    subject.opened();
    subject.step({ kind: "stop" });
    expect(subject.accept(1)).toEqual(["drop"]);
  });

  test("for which there is no template fail the unit", () => {
    const subject = new Subject("ListenStream=1\nAccept=yes");
    subject.opened();
    subject.accept(1);
    const actions = subject.step({ kind: "refused", unit: "web@0-x1.service", reason: "no template" });
    expect(actions).toEqual(["drop", "unpoll", "unlisten", "ended"]);
    expect(subject.state).toMatchObject({ sub: "failed", result: "resources", connections: [] });
  });
});

describe("a stop", () => {
  test("runs the stop commands around the closing of the ports", () => {
    const subject = new Subject("ListenStream=1\nExecStopPre=/a\nExecStopPost=/b");
    subject.opened();
    expect(subject.step({ kind: "stop" })).toEqual(["unpoll", "run"]);
    expect(subject.step({ kind: "exited", run: 1, result: "success" })).toEqual(["unlisten", "run"]);
    subject.step({ kind: "exited", run: 2, result: "success" });
    expect(subject.step({ kind: "empty" })).toEqual(["ended"]);
    expect(subject.state).toMatchObject({ sub: "dead", result: "success" });
  });

  test("of one that is at rest does nothing", () => {
    expect(new Subject("ListenStream=1").step({ kind: "stop" })).toEqual([]);
  });
});

test("a shim that is gone has taken the sockets along", () => {
  const subject = new Subject("ListenStream=1");
  subject.opened();
  expect(subject.step({ kind: "lost", reason: "its shim is gone" })).toEqual(["unpoll", "ended"]);
  expect(subject.state).toMatchObject({
    sub: "failed",
    result: "resources",
    message: "its shim is gone",
    names: [],
  });
  subject.step({ kind: "reset-failed" });
  expect(subject.state).toMatchObject({ sub: "dead", result: "success" });
});
