import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

test.each([
  ["version", "--endpoint", "unix:/nonexistent"],
  // Ends in the same turn in which it writes.
  ["completion", "bash"],
])(
  "output of %s that cannot be written is an error, and not for a reader that has gone",
  async (...command) => {
    const program = join(import.meta.dirname, "../../src/cli/main.ts");
    const full = await open("/dev/full", "w");
    const child = spawn(process.execPath, [program, ...command], {
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
  },
);
