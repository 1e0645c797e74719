import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

test("output that cannot be written is an error, and not for a reader that has gone", async () => {
  const program = join(import.meta.dirname, "../../src/cli/main.ts");
  const full = await open("/dev/full", "w");
  const child = spawn(process.execPath, [program, "version", "--endpoint", "unix:/nonexistent"], {
    stdio: ["ignore", full.fd, "pipe"],
  });
  let told = "";
  child.stderr?.on("data", (part) => (told += String(part)));
  const [exit] = await once(child, "close");
  await full.close();
  expect([exit, told]).toEqual([
    1,
    expect.stringContaining("error[disk-full]: the output cannot be written"),
  ]);
});
