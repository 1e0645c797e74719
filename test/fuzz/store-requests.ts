/** Requests of etcd's API made up from the table of its messages: fields left out, doubled, odd, nested. */
import { type Random, randomInteger } from "#base/random.ts";
import { readRoutes } from "#store/server/gateway/routes.ts";
import { type JsonField, readSchema } from "#store/server/gateway/schema.ts";
import { LENGTH_DELIMITED, VARINT, WireWriter } from "#store/wire/buffers.ts";

const schema = readSchema();
/** An alarm would end all writing, and with it what the fuzzer looks at. */
const routes = [...readRoutes().values()].filter(({ method }) => !method.endsWith("/Alarm"));

export const METHODS = routes.map(({ method }) => `/${method}`);

const NESTED_MAX = 8;
/** Short ones, so that requests meet each other's keys. */
const TEXTS = ["", "\0", "a", "b", "a/", "root", "\xff\xff", "k".repeat(300)];
const NUMBERS = [0n, 1n, 2n, 5n, -1n, 1_000_000n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];

/** @param method absent: the request of any method. */
export function anyRequest(random: Random, method?: string): Uint8Array {
  const route = routes.find((one) => `/${one.method}` === method) ?? pick(random, routes);
  const writer = new WireWriter();
  writeMessage(random, writer, route.request, 0);
  return writer.finish();
}

function writeMessage(random: Random, writer: WireWriter, name: string, depth: number): void {
  for (const field of schema.messages.get(name) ?? []) {
    const most = field.repeated ? 4 : random.next() < 0.05 ? 2 : 1;
    const count = random.next() < 0.5 ? 0 : randomInteger(random, 1, most);
    for (let at = 0; at < count; at += 1) writeField(random, writer, field, depth);
  }
}

function writeField(random: Random, writer: WireWriter, { number, type }: JsonField, depth: number): void {
  const before = writer.length;
  const isMessage = schema.messages.has(type);
  if (isMessage && depth >= NESTED_MAX) return;
  if (isMessage) writeMessage(random, writer, type, depth + 1);
  else if (type === "bytes" || type === "string") writer.raw(Buffer.from(pick(random, TEXTS), "latin1"));
  else writer.varint(schema.enums.has(type) ? BigInt(randomInteger(random, 0, 6)) : pick(random, NUMBERS));
  const isDelimited = isMessage || type === "bytes" || type === "string";
  if (isDelimited) writer.size(writer.length - before);
  writer.tag(number, isDelimited ? LENGTH_DELIMITED : VARINT);
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[randomInteger(random, 0, items.length - 1)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}
