/** A socket that has a service made for each connection, on a cluster of real daemons. */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "./cluster.ts";
import { untilActive, untilUnits } from "./following.ts";

const SERVICE = "[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start({ machines: 1, leaseTtlS: 5, network: "shared" });
});
afterAll(() => cluster.stop());

function pathOf(name: string): string {
  return join(cluster.directory, `${name}.sock`);
}

/** Writes a socket unit into the cluster's directory and returns its path. */
async function socketFile(name: string): Promise<string> {
  const file = join(cluster.directory, `${name}.socket`);
  await writeFile(file, `[Socket]\nListenStream=${pathOf(name)}\nAccept=yes\n`);
  return file;
}

/** What comes back for `text` until the other end closes, or drops the connection. */
function talk(name: string, text: string): Promise<string> {
  const socket = connect(pathOf(name)).on("error", () => undefined);
  let answer = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    answer += String(chunk);
  });
  socket.end(text);
  return new Promise((resolve) => socket.on("close", () => resolve(answer)));
}

test("the template that lies beside the socket comes along, and outlives the daemon and the store", async () => {
  const file = await socketFile("echo");
  await writeFile(join(cluster.directory, "echo@.service"), SERVICE);
  const started = await cluster.flotilla(["start", file]);
  expect(started).toEqual({
    exitCode: 0,
    stdout: "echo.socket: active (listening) on m1\n",
    stderr: "",
  });
  expect(await talk("echo", "hello")).toBe("hello");
  const shown = await cluster.flotilla(["list-units", "--no-legend", "--fields", "unit"]);
  expect(shown.stdout).toBe("echo.socket\n");

  const instance = await cluster.instanceOf("m1");
  cluster.signal("m1", "SIGKILL");
  await cluster.rejoined("m1", instance);
  expect(await talk("echo", "again")).toBe("again");
});

test("a socket whose template nobody submitted says so when a connection comes", async () => {
  const client = cluster.client("m1");
  const text = `[Socket]\nListenStream=${pathOf("lone")}\nAccept=yes\n`;
  await client.submit({ units: [{ unit: "lone.socket", text }], desired: "launched" });
  await untilActive(client, ["lone.socket"]);
  expect(await talk("lone", "hello")).toBe("");
  const rows = await untilUnits(client, ["lone.socket"], (rows) =>
    (rows.get("lone.socket") ?? []).some(({ active }) => active === "failed"),
  );
  const [row] = rows.get("lone.socket") ?? [];
  expect(row).toMatchObject({
    result: "resources",
    message: "cannot start its service: Unit lone@.service not found.",
  });
});
