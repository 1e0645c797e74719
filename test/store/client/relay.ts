/** A relay of TCP between a client and a store, on which the tests break the network in the ways it breaks. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** How a connection ends when it is cut. */
export type CutStyle = "reset" | "finish";

interface Pair {
  readonly client: Socket;
  readonly store: Socket;
  /** Bytes passed back to the client. */
  passed: number;
}

export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #target: () => number;
  /** Each connection is cut after so many bytes from the store, as long as `cutsLeft` says so. */
  cutAfter = Number.POSITIVE_INFINITY;
  cutsLeft = 0;
  cutStyle: CutStyle = "reset";
  /** Connections stay open, but nothing passes: `both` ways, or only not `back` to the client. */
  silent: "no" | "both" | "back" = "no";
  /** New connections are refused as by a machine on which nothing listens. */
  refusing = false;
  /** Milliseconds that each piece is held up, in each direction. */
  delayMs = 0;
  /** Told of each piece that comes from the store. */
  onPiece: ((piece: Buffer) => void) | undefined;
  connections = 0;
  cuts = 0;

  /** @param target the store's port, asked for with each connection */
  constructor(target: number | (() => number)) {
    this.#target = typeof target === "number" ? () => target : target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async open(target: number | (() => number)): Promise<Relay> {
    const relay = new Relay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get endpoint(): string {
    const address = this.#server.address();
    return `127.0.0.1:${isAddress(address) ? address.port : 0}`;
  }

  cut(): void {
    for (const pair of [...this.#pairs]) this.#cutPair(pair);
  }

  async close(): Promise<void> {
    this.cut();
    await once(this.#server.close(), "close");
  }

  #join(client: Socket): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    this.connections += 1;
    const store = connect(this.#target(), "127.0.0.1");
    const pair: Pair = { client, store, passed: 0 };
    this.#pairs.add(pair);
    for (const socket of [client, store]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
    }
    client.on("close", () => this.#end(pair));
    store.on("close", () => this.#end(pair));
    client.on("data", (piece: Buffer) => this.#later(() => this.silent !== "both" && store.write(piece)));
    store.on("data", (piece: Buffer) => this.#later(() => this.#passBack(pair, piece)));
  }

  #later(act: () => void): void {
    if (this.delayMs === 0) act();
    else setTimeout(act, this.delayMs);
  }

  #passBack(pair: Pair, piece: Buffer): void {
    if (this.silent !== "no") return;
    this.onPiece?.(piece);
    const room = this.cutsLeft > 0 ? this.cutAfter - pair.passed : Number.POSITIVE_INFINITY;
    pair.passed += piece.length;
    if (piece.length < room) {
      pair.client.write(piece);
      return;
    }
    this.cutsLeft -= 1;
    this.cuts += 1;
    // What is before the cut still gets through, so that frames are cut in the middle.
    pair.client.write(piece.subarray(0, Math.max(0, room)), () => this.#cutPair(pair));
  }

  #cutPair(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.store.destroy();
    if (this.cutStyle === "reset") pair.client.resetAndDestroy();
    else pair.client.destroySoon();
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.store.destroy();
  }
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
