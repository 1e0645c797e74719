import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { knock } from "./knock.ts";

async function listening() {
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, close: () => server.close() };
}

test("a machine on which somebody listens gives a sign, though nobody says anything", async () => {
  const { port, close } = await listening();
  expect(await knock("127.0.0.1", port, 1_000)).toBe(true);
  close();
});

test("a machine that refuses the connection is there", async () => {
  const { port, close } = await listening();
  close();
  expect(await knock("127.0.0.1", port, 1_000)).toBe(true);
});

test("where no way leads to, there is no sign", async () => {
  expect(await knock("255.255.255.255", 9, 100)).toBe(false);
});
