/**
 * One connection to systemd, over the bus or to its private socket: calls, their answers, and signals.
 *
 * The library gives the handshake and the bytes; which answer belongs to which call, errors by their D-Bus names and
 * the end of the connection are here. Signals are handed on in the order of their coming, before any answer that came
 * after them is seen. Once closed it stays closed; link.ts opens the next one.
 */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createConnection, type DBusConnection, type Message } from "dbus-native";
import type { Clock } from "#base/clock.ts";
import { text } from "./values.ts";

const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;
/** Starting systemd by D-Bus activation makes no sense. */
const NO_AUTO_START = 2;
/** Of the 32 bits that a serial has; 0 is none. */
const LAST_SERIAL = 0xffff_ffff;
/** No call takes longer than this, a reload of thousands of units included. */
const ANSWER_MS = 60_000;
/** The bus refuses the 129th call of a connection that has 128 without an answer (dbus-daemon(1)). */
const MOST_PENDING = 100;
const HANDSHAKE_MS = 5_000;
/** systemd 252 leaves a first call lying that comes along with the end of the handshake; a message later wakes it. */
const AFTER_HANDSHAKE_MS = 10;

export interface Call {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly destination?: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

export interface Signal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export type Body = readonly unknown[];

/** What was answered with an error, by its D-Bus name: `org.freedesktop.systemd1.NoSuchUnit`. */
export class BusError extends Error {
  readonly dbusName: string;

  constructor(dbusName: string, message: string) {
    super(message);
    this.name = "BusError";
    this.dbusName = dbusName;
  }

  /** The last part of the name: `NoSuchUnit`. */
  get code(): string {
    return this.dbusName.slice(this.dbusName.lastIndexOf(".") + 1);
  }
}

interface Pending {
  readonly waiter: PromiseWithResolvers<Body>;
  readonly stopWaiting: () => void;
}

interface Queued {
  readonly waiter: PromiseWithResolvers<Body>;
  readonly send: () => void;
}

export interface BusConnectionOptions {
  readonly stream: Duplex;
  /** A peer at the other end, no bus. */
  readonly isDirect: boolean;
  readonly clock: Clock;
  readonly onSignal: (signal: Signal) => void;
}

export class BusConnection {
  readonly isDirect: boolean;
  /** Resolves with the reason when the connection has ended. */
  readonly closed: Promise<Error>;
  readonly #bus: DBusConnection;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #queue: Queued[] = [];
  readonly #end = Promise.withResolvers<Error>();
  #serial = 0;
  #reason: Error | undefined;

  /** Resolves once calls are answered. @throws Error when the other end does not take the connection */
  static async open(options: BusConnectionOptions): Promise<BusConnection> {
    const connection = new BusConnection(options);
    try {
      await connection.#shakeHands(options.clock);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  private constructor({ stream, isDirect, clock, onSignal }: BusConnectionOptions) {
    this.isDirect = isDirect;
    this.#clock = clock;
    this.closed = this.#end.promise;
    this.#bus = createConnection({ stream, authMethods: ["EXTERNAL"] });
    this.#bus.on("error", (error: Error) => this.#fail(error));
    this.#bus.on("end", () => this.#fail(new Error("systemd has closed the connection")));
    this.#bus.on("close", () => this.#fail(new Error("the connection to systemd was closed")));
    this.#bus.on("message", (message: Message) => this.#receive(message, onSignal));
  }

  async #shakeHands(clock: Clock): Promise<void> {
    const tooLong = clock.setTimer(HANDSHAKE_MS, () =>
      this.#fail(new Error("systemd does not answer the handshake")),
    );
    try {
      await Promise.race([once(this.#bus, "connect"), this.#ended()]);
      if (this.isDirect) await this.#wake(clock);
      else await Promise.race([this.call(busCall("Hello")), this.#ended()]);
    } finally {
      tooLong.cancel();
    }
  }

  /** A second message gets going what the first did not, and a third what came along with it. */
  async #wake(clock: Clock): Promise<void> {
    const ping: Call = { path: "/", interface: "org.freedesktop.DBus.Peer", member: "Ping" };
    const answered = Promise.withResolvers<unknown>();
    const knock = (): void => {
      this.call(ping).then(answered.resolve, answered.reject);
      timer = clock.setTimer(AFTER_HANDSHAKE_MS, knock);
    };
    let timer = clock.setTimer(AFTER_HANDSHAKE_MS, knock);
    try {
      await Promise.race([answered.promise, this.#ended()]);
    } finally {
      timer.cancel();
    }
  }

  async #ended(): Promise<never> {
    throw await this.closed;
  }

  /** Resolves with the answer's values. @throws BusError; with the code `Disconnected` when the connection ends */
  call(call: Call): Promise<Body> {
    const waiter = Promise.withResolvers<Body>();
    if (this.#reason !== undefined) {
      waiter.reject(disconnected(this.#reason));
      return waiter.promise;
    }
    const send = (): void => this.#send(call, waiter);
    if (this.#pending.size < MOST_PENDING) send();
    else this.#queue.push({ send, waiter });
    return waiter.promise;
  }

  #send(call: Call, waiter: PromiseWithResolvers<Body>): void {
    this.#serial = this.#serial === LAST_SERIAL ? 1 : this.#serial + 1;
    const serial = this.#serial;
    const timer = this.#clock.setTimer(ANSWER_MS, () => {
      this.#settled(serial);
      waiter.reject(
        new BusError("org.freedesktop.DBus.Error.NoReply", `systemd does not answer ${call.member}`),
      );
    });
    this.#pending.set(serial, { waiter, stopWaiting: () => timer.cancel() });
    this.#bus.message(messageOf(call, serial, this.isDirect));
  }

  #settled(serial: number): void {
    this.#pending.delete(serial);
    this.#queue.shift()?.send();
  }

  close(): void {
    this.#fail(new Error("the connection was closed"));
  }

  #receive(message: Message, onSignal: (signal: Signal) => void): void {
    const { type, path = "", interface: from = "", member = "", body = [] } = message;
    if (type === SIGNAL) onSignal({ path, interface: from, member, body });
    if (type !== METHOD_RETURN && type !== ERROR) return;
    const serial = message.replySerial ?? 0;
    const pending = this.#pending.get(serial);
    if (pending === undefined) return;
    this.#settled(serial);
    pending.stopWaiting();
    if (type === METHOD_RETURN) pending.waiter.resolve(body);
    else pending.waiter.reject(new BusError(message.errorName ?? "", text(body[0])));
  }

  #fail(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#bus.stream.destroy();
    for (const { waiter, stopWaiting } of this.#pending.values()) {
      stopWaiting();
      waiter.reject(disconnected(reason));
    }
    for (const { waiter } of this.#queue.splice(0)) waiter.reject(disconnected(reason));
    this.#pending.clear();
    this.#end.resolve(reason);
  }
}

/** A call of the bus itself. */
export function busCall(member: string, ...body: readonly string[]): Call {
  const name = "org.freedesktop.DBus";
  const signature = "s".repeat(body.length);
  return { destination: name, path: "/org/freedesktop/DBus", interface: name, member, signature, body };
}

function messageOf(call: Call, serial: number, isDirect: boolean): Message {
  const { path, interface: to, member, signature = "", body = [] } = call;
  return {
    type: METHOD_CALL,
    flags: NO_AUTO_START,
    serial,
    path,
    interface: to,
    member,
    ...(isDirect ? {} : { destination: call.destination ?? "org.freedesktop.systemd1" }),
    ...(signature === "" ? {} : { signature, body: [...body] }),
  };
}

function disconnected(reason: Error): BusError {
  return new BusError("org.freedesktop.DBus.Error.Disconnected", reason.message);
}
