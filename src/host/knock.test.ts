import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
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

/** Another process that listens with room for two connections that nobody has accepted yet: the kernel drops more. */
async function listeningNarrowly() {
  const source = `const server = require("node:net").createServer(() => undefined);
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return { port: Number(String(line)), child };
}

test("a machine whose first answers are lost is there, and found before the kernel asks again", async () => {
  const { port, child } = await listeningNarrowly();
  child.kill("SIGSTOP");
  const filling = Array.from({ length: 4 }, () => connect(port, "127.0.0.1"));
  onTestFinished(() => {
    for (const socket of filling) socket.destroy();
  });
  await sleep(100);
  expect(await knock("127.0.0.1", port, 300)).toBe(false);
  const knocking = knock("127.0.0.1", port, 900);
  await sleep(100);
  child.kill("SIGCONT");
  expect(await knocking).toBe(true);
});
