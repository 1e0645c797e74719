/** gRPC calls made of raw bytes, for what no client would send. */
import { connect, type IncomingHttpHeaders } from "node:http2";

export interface RawAnswer {
  readonly status: string;
  readonly message: string;
  /** The answer's messages, with their prefixes. */
  readonly bytes: Buffer;
}

/** @param body what goes out as it is, prefix and all. */
export function rawCall(
  endpoint: string,
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${endpoint}`);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    const pieces: Buffer[] = [];
    const told = new Map<string, string>();
    const take = (headers: IncomingHttpHeaders): void => {
      for (const [name, value] of Object.entries(headers)) told.set(name, String(value));
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      session.destroy();
      const message = decodeURIComponent(told.get("grpc-message") ?? "");
      resolve({ status: told.get("grpc-status") ?? "", message, bytes: Buffer.concat(pieces) });
    });
    stream.end(body);
  });
}

/** A message with gRPC's prefix. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
