/** A connection to systemd's private socket: D-Bus without a bus, for root, from outside its machine as well. */
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, decodeMessage, encodeCall, type Message, messageLength, type Value } from "./wire.ts";

/** systemd 252 leaves a first call lying that comes along with the end of the handshake. */
const AFTER_HANDSHAKE_MS = 10;
const PING: Call = {
  path: "/",
  interface: "org.freedesktop.DBus.Peer",
  member: "Ping",
  signature: "",
  body: [],
};

/** An error that systemd answered with; `code` is the last part of its D-Bus name: `NoSuchUnit`. */
export class BusError extends Error {
  readonly code: string;

  constructor(name: string, message: string) {
    super(message);
    this.code = name.slice(name.lastIndexOf(".") + 1);
  }
}

type Waiter = Pick<PromiseWithResolvers<readonly Value[]>, "resolve" | "reject">;

/** A process whose standard input and output are connected with the socket. */
type Relay = ChildProcessByStdio<Writable, Readable, null>;

export class Bus {
  readonly #relay: Relay;
  readonly #calls = new Map<number, Waiter>();
  readonly #listeners = new Set<(signal: Message) => void>();
  #unread = Buffer.alloc(0);
  #serial = 0;

  private constructor(relay: Relay) {
    this.#relay = relay;
    relay.stdout.on("data", (bytes: Buffer) => this.#read(bytes));
    relay.on("exit", () => this.#fail(new Error("systemd has closed the connection")));
  }

  static async connect(relay: Relay): Promise<Bus> {
    relay.stdin.on("error", () => {
      // The relay has ended, which its `exit` tells.
    });
    relay.stdin.write(`\0AUTH EXTERNAL ${Buffer.from("0").toString("hex")}\r\n`);
    const [answer] = await once(relay.stdout, "data");
    if (!String(answer).startsWith("OK "))
      throw new Error(`systemd refused the connection: ${String(answer)}`);
    relay.stdin.write("BEGIN\r\n");
    const bus = new Bus(relay);
    // On a busy machine the first message comes too early all the same; the one behind it gets both going.
    const answered: unknown[] = [];
    while (answered.length === 0) {
      await sleep(AFTER_HANDSHAKE_MS);
      void bus.call(PING).then((body) => answered.push(body));
    }
    return bus;
  }

  /** Resolves with the answer's body; throws BusError. */
  call(call: Call): Promise<readonly Value[]> {
    const serial = ++this.#serial;
    this.#relay.stdin.write(encodeCall(serial, call));
    const waiter = Promise.withResolvers<readonly Value[]>();
    this.#calls.set(serial, waiter);
    return waiter.promise;
  }

  /** Returns how to stop listening. */
  onSignal(listener: (signal: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#relay.exitCode !== null) return;
    const isGone = once(this.#relay, "exit");
    this.#relay.stdin.end();
    await isGone;
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const length = messageLength(this.#unread);
      if (length === undefined || this.#unread.length < length) return;
      const message = decodeMessage(this.#unread.subarray(0, length));
      this.#unread = this.#unread.subarray(length);
      this.#handle(message);
    }
  }

  #handle(message: Message): void {
    if (message.type === "signal") for (const listener of [...this.#listeners]) listener(message);
    const waiter = this.#calls.get(message.replyTo ?? 0);
    if (waiter === undefined) return;
    this.#calls.delete(message.replyTo ?? 0);
    if (message.type === "error")
      waiter.reject(new BusError(message.errorName, String(message.body[0] ?? "")));
    else waiter.resolve(message.body);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}
