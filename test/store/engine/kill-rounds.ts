/** Killing a store that writes, again and again, and looking each time whether it has kept its word. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { prefixRange, toText } from "#store/keys.ts";
import { openStore } from "./directories.ts";

const LIFE_MS = { atLeast: 5, atMost: 250 };

export interface KillRounds {
  readonly rounds: number;
  /** Writes that were acknowledged over all rounds. */
  readonly acknowledged: number;
  readonly revision: bigint;
}

/** @throws Error when an acknowledged write is lost or changed, or a revision was given twice. */
export async function killRounds(
  directory: string,
  rounds: number,
  progress: (round: number, acknowledged: number) => void = () => undefined,
): Promise<KillRounds> {
  const acknowledged = new Map<string, bigint>();
  let revision = 1n;
  for (let round = 0; round < rounds; round += 1) {
    for (const [key, written] of await writeUntilKilled(directory, round)) {
      if (written <= revision)
        throw new Error(`round ${round}: revision ${written} of ${key} was given before`);
      acknowledged.set(key, written);
    }
    revision = await check(directory, round, acknowledged, revision);
    progress(round, acknowledged.size);
  }
  return { rounds, acknowledged: acknowledged.size, revision };
}

/** Runs the writer for a moment, kills it, and returns what it said was acknowledged. */
async function writeUntilKilled(directory: string, round: number): Promise<Map<string, bigint>> {
  const script = join(import.meta.dirname, "kill-writer.ts");
  const writer = spawn(process.execPath, [script, directory, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  writer.stdout.on("data", (piece: Buffer) => {
    said += piece.toString();
  });
  await once(writer.stdout, "data");
  await sleep(LIFE_MS.atLeast + Math.random() * (LIFE_MS.atMost - LIFE_MS.atLeast));
  writer.kill("SIGKILL");
  await once(writer, "close");
  const lines = said.split("\n").slice(0, -1);
  return new Map(
    lines.map((line) => {
      const [key = "", revision = ""] = line.split(" ");
      return [key, BigInt(revision)];
    }),
  );
}

/** Opens the store, compares it with what was acknowledged, and answers its revision. */
async function check(
  directory: string,
  round: number,
  acknowledged: ReadonlyMap<string, bigint>,
  revisionBefore: bigint,
): Promise<bigint> {
  const store = await openStore(directory);
  try {
    const { kvs, header } = await store.range(prefixRange(""));
    const found = new Map(kvs.map((kv) => [toText(kv.key), kv]));
    for (const [key, revision] of acknowledged) {
      const kv = found.get(key);
      if (kv?.modRevision !== revision || toText(kv.value) !== key) {
        throw new Error(`round ${round}: ${key} was written at ${revision} and is now at ${kv?.modRevision}`);
      }
    }
    if (new Set(kvs.map((kv) => kv.modRevision)).size !== kvs.length) {
      throw new Error(`round ${round}: two keys have one revision`);
    }
    if (header.revision < revisionBefore) throw new Error(`round ${round}: the revision went back`);
    return header.revision;
  } finally {
    await store.close();
  }
}
