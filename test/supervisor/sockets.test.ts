/** Socket units: real connections, the services they start, and what outlives the supervisor. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { machineWith, service, statusWhere, unit } from "./machine.ts";

const ECHO = `${import.meta.dirname}/programs/echo.pl`;

/** Everything the other end sends until it closes. */
function talk(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(path.startsWith("@") ? `\0${path.slice(1)}` : path, () => socket.end(text));
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("a connection starts the service, which gets the listening socket with its name", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/echo.sock`;
  await supervisor.load([
    unit("echo.socket", `[Socket]\nListenStream=${path}\nFileDescriptorName=web\n`),
    service("echo.service", `ExecStart=/usr/bin/perl ${ECHO}`),
  ]);
  expect(await supervisor.start("echo.socket")).toEqual({ result: "done" });
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "active", sub: "listening" });
  expect(supervisor.status("echo.service")).toMatchObject({ active: "inactive" });
  expect(await talk(path, "hello")).toBe("1 web hello");
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "active", sub: "running" });
  expect(supervisor.status("echo.service")).toMatchObject({ active: "active" });
  await supervisor.stop("echo.service");
  await statusWhere(supervisor, "echo.socket", ({ sub }) => sub === "listening");
  expect(await talk(path, "again")).toBe("1 web again");
  await supervisor.stop("echo.socket");
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "inactive", sub: "dead" });
});
