/**
 * The link to systemd, which outlives its connections: systemd executes itself anew, the bus is restarted or away.
 *
 * Invariants: one connection at a time, on which signals are subscribed before it counts as up; `onUp` is awaited by
 * nobody and told each time that signals may have been missed. A call waits for the link, for a bounded time. It does
 * not know units.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Body, BusConnection, BusError, busCall, type Call, type Signal } from "./bus-connection.ts";
import type { Way } from "./dial.ts";
import { text } from "./values.ts";

/** How long a call waits for a link that is away. */
const PATIENCE_MS = 15_000;
/** How long the first connection is tried for. */
const BOOT_MS = 5_000;
const RETRY = { firstMs: 50, maxMs: 2_000 };

export const MANAGER_PATH = "/org/freedesktop/systemd1";
export const MANAGER = "org.freedesktop.systemd1.Manager";
export const PROPERTIES = "org.freedesktop.DBus.Properties";

/** All that is asked of the bus: systemd's manager, its units' properties, and whether it is there. */
const MATCHES = [
  `type='signal',sender='org.freedesktop.systemd1',path='${MANAGER_PATH}',interface='${MANAGER}'`,
  `type='signal',sender='org.freedesktop.systemd1',path_namespace='${MANAGER_PATH}/unit',interface='${PROPERTIES}'`,
  "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
];

/** Errors that say that systemd is away rather than what it thinks of the call. */
const AWAY = new Set(["Disconnected", "NoReply", "ServiceUnknown", "NameHasNoOwner", "TimedOut", "Timeout"]);

export interface LinkOptions {
  /** In the order in which they are tried. */
  readonly ways: readonly Way[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onSignal: (signal: Signal) => void;
  /** Signals are coming (again); what came before may have been missed. */
  readonly onUp: () => void;
}

export class SystemdLink {
  readonly #options: LinkOptions;
  readonly #ended = new AbortController();
  #up = Promise.withResolvers<BusConnection>();
  #isUp = false;
  #connection: BusConnection | undefined;
  /** Counts what may have interrupted a check of the connection. */
  #checks = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Resolves when the link is up for the first time. @throws FlotillaError when there is no systemd to talk to */
  async open(): Promise<void> {
    const connection = await this.#connectSoon();
    this.#running = this.#keepUp(connection);
    await this.#whenUp();
  }

  /** While a machine comes up, its bus is there before systemd is on it. */
  async #connectSoon(): Promise<BusConnection> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + BOOT_MS;
    for (let failures = 0; ; ) {
      try {
        return await this.#connect();
      } catch (error) {
        if (clock.monotonic() >= deadline || !(await this.#pause(++failures))) throw error;
      }
    }
  }

  /**
   * Calls the manager. `isRepeatable`: the call may be made again when its answer was lost.
   * @throws BusError as systemd answered; FlotillaError `unreachable`, retryable, when it is away for too long
   */
  manager(member: string, signature = "", body: Body = [], isRepeatable = true): Promise<Body> {
    return this.call({ path: MANAGER_PATH, interface: MANAGER, member, signature, body }, isRepeatable);
  }

  /** A property of an object of systemd. */
  async property(path: string, from: string, name: string): Promise<unknown> {
    const body = [from, name];
    const [value] = await this.call({ path, interface: PROPERTIES, member: "Get", signature: "ss", body });
    return value;
  }

  async call(call: Call, isRepeatable = true): Promise<Body> {
    const deadline = this.#options.clock.monotonic() + PATIENCE_MS;
    for (;;) {
      const connection = await this.#whenUp(deadline);
      try {
        return await connection.call(call);
      } catch (error) {
        if (!isAway(error)) throw error;
        this.#doubt(connection);
        if (!isRepeatable) throw unreachable(`systemd went away during ${call.member}`, error);
      }
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#connection?.close();
    this.#up.promise.catch(() => undefined);
    this.#up.reject(closing());
    await this.#running;
  }

  async #whenUp(deadline = this.#options.clock.monotonic() + PATIENCE_MS): Promise<BusConnection> {
    // A call that was under way finds its connection closed, and no other follows.
    if (this.#ended.signal.aborted) throw closing();
    if (this.#isUp) return this.#up.promise;
    const { clock } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = clock.setTimer(Math.max(0, deadline - clock.monotonic()), () =>
      late.reject(unreachable("systemd cannot be reached")),
    );
    try {
      return await Promise.race([this.#up.promise, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #keepUp(first: BusConnection): Promise<void> {
    let connection: BusConnection | undefined = first;
    for (let failures = 0; !this.#ended.signal.aborted; ) {
      try {
        connection ??= await this.#connect();
        failures = 0;
        // It may have been closed while it was connecting, which nobody could hear then.
        if (this.#ended.signal.aborted) connection.close();
        void this.#check(connection);
        const reason = await connection.closed;
        this.#connection = undefined;
        this.#down();
        connection = undefined;
        if (this.#ended.signal.aborted) return;
        this.#options.log.warn({ reason: reason.message }, "lost the connection to systemd");
      } catch {
        if (!(await this.#pause(++failures))) return;
      }
    }
  }

  /** Over the first way that answers. */
  async #connect(): Promise<BusConnection> {
    const causes: string[] = [];
    for (const way of this.#options.ways) {
      try {
        const connection = await this.#connectBy(way);
        this.#options.log.debug({ way: way.name }, "connected with systemd");
        return connection;
      } catch (error) {
        causes.push(`${way.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new FlotillaError("unreachable", "systemd cannot be reached", {
      causes,
      hint: "run the daemon as root on a machine that systemd runs, or with --supervisor embedded",
      retryable: true,
    });
  }

  async #connectBy({ open, isDirect }: Way): Promise<BusConnection> {
    const { clock } = this.#options;
    const onSignal = (signal: Signal): void => this.#onSignal(signal);
    const connection = await BusConnection.open({ stream: await open(), isDirect, clock, onSignal });
    try {
      if (!isDirect) await Promise.all(MATCHES.map((rule) => connection.call(busCall("AddMatch", rule))));
      await subscribe(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  #onSignal(signal: Signal): void {
    if (signal.member !== "NameOwnerChanged") this.#options.onSignal(signal);
    else if (text(signal.body[2]) === "") this.#down();
    else if (this.#connection !== undefined) void this.#check(this.#connection);
  }

  /** Asks systemd whether it is there, until it is or the connection has ended. */
  async #check(connection: BusConnection): Promise<void> {
    const check = ++this.#checks;
    for (let failures = 0; check === this.#checks && connection === this.#connection; ) {
      try {
        await subscribe(connection);
        if (check === this.#checks) this.#setUp(connection);
        return;
      } catch {
        if (!(await this.#pause(++failures))) return;
      }
    }
  }

  /** False: the link has been closed. */
  async #pause(failures: number): Promise<boolean> {
    const { clock, random } = this.#options;
    await sleep(clock, backoffDelayMs(failures, random, RETRY), this.#ended.signal).catch(() => undefined);
    return !this.#ended.signal.aborted;
  }

  #doubt(connection: BusConnection): void {
    if (connection !== this.#connection || !this.#isUp) return;
    this.#down();
    void this.#check(connection);
  }

  #setUp(connection: BusConnection): void {
    if (!this.#isUp) this.#up.resolve(connection);
    this.#isUp = true;
    this.#options.onUp();
  }

  #down(): void {
    this.#checks++;
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#up = Promise.withResolvers();
  }
}

/** Without this systemd sends next to no signals. */
async function subscribe(connection: BusConnection): Promise<void> {
  try {
    await connection.call({ path: MANAGER_PATH, interface: MANAGER, member: "Subscribe" });
  } catch (error) {
    if (!(error instanceof BusError && error.code === "AlreadySubscribed")) throw error;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof BusError && AWAY.has(error.code);
}

function closing(): FlotillaError {
  return unreachable("the supervisor is closing");
}

function unreachable(message: string, cause?: unknown): FlotillaError {
  return new FlotillaError("unreachable", message, {
    causes: cause instanceof Error ? [cause.message] : [],
    hint: "units run on meanwhile; systemctl status shows whether systemd answers",
    retryable: true,
    cause,
  });
}
