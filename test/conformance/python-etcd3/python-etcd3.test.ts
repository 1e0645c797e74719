/** A client library in another language, Debian's python3-etcd3, sees no difference between the embedded store and etcd. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isServedVersion } from "../../contract/etcd-version.ts";
import { startEmbedded, startReal, type Target } from "../etcdctl/targets.ts";

const CALLS = join(import.meta.dirname, "calls.py");
/** One line of the script's output says how one call has ended. */
const PARTS = ["put", "one key twice", "watch what is compacted", "keep alive", "release", "snapshot"];

/** Debian's own Python, which alone has the package. */
function python(args: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    execFile("/usr/bin/python3", args, { timeout: 30_000 }, (error, stdout) => {
      if (error === null) resolve(stdout.trim().split("\n"));
      else reject(error);
    });
  });
}

async function outcomesOn(start: () => Promise<Target>): Promise<readonly string[]> {
  const target = await start();
  try {
    return await python([CALLS, target.endpoint]);
  } finally {
    await target.stop();
  }
}

/** What tells the version is another with an etcd that is newer than what the embedded store passes for. */
function comparable(outcomes: readonly string[]): readonly string[] {
  return isServedVersion ? outcomes : outcomes.filter((line) => !line.startsWith('{"call": "status"'));
}

test("every call comes to the same on both", async () => {
  const [embedded, real] = await Promise.all([outcomesOn(startEmbedded), outcomesOn(startReal)]);
  expect(comparable(embedded)).toEqual(comparable(real));
  for (const part of PARTS) expect(real.join("\n")).toContain(`{"call": "${part}", `);
});

test("who asks the embedded store for another member is told how it gets one", async () => {
  const target = await startEmbedded();
  const [host = "", port = ""] = target.endpoint.split(":");
  const program = [
    "import sys, etcd3",
    "client = etcd3.client(host=sys.argv[1], port=int(sys.argv[2]))",
    "try: client.add_member(['http://127.0.0.1:1'])",
    "except Exception as error: print(error.details())",
  ].join("\n");
  const [said] = await python(["-c", program, host, port]);
  await target.stop();
  expect(said).toMatch(
    /^etcdserver: re-configuration failed due to not enough started members \(.*flotilla store promote/,
  );
});
