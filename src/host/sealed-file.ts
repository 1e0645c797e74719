/** Files that end with the SHA-256 of all before it, as etcd's snapshots do: received whole, or not at all. */
import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { describeFileError, syncDirectory } from "./files.ts";

const SEAL_BYTES = 32;

/**
 * Writes the pieces to `path` once all have come and the seal is right; until then they are in `path.part`.
 * Resolves with the file's size.
 * @throws FlotillaError `store-corrupt` when the seal is wrong, `disk-full` or `not-permitted`; `path` is then as before.
 */
export async function receiveSealedFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const part = `${path}.part`;
  try {
    const bytes = await receive(part, pieces);
    await rename(part, path);
    await syncDirectory(dirname(path));
    return bytes;
  } catch (error) {
    await rm(part, { force: true });
    throw describeFileError(error, path);
  }
}

async function receive(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, "w", 0o600);
  try {
    const hash = createHash("sha256");
    // The last bytes that have come may be the seal, which is not part of what it seals.
    let held: Buffer = Buffer.alloc(0);
    let bytes = 0;
    for await (const piece of pieces) {
      await file.writeFile(piece);
      bytes += piece.length;
      held = Buffer.concat([held, piece]);
      hash.update(held.subarray(0, -SEAL_BYTES));
      held = held.subarray(-SEAL_BYTES);
    }
    if (bytes < SEAL_BYTES || !hash.digest().equals(held)) throw brokenOff(bytes);
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

function brokenOff(bytes: number): FlotillaError {
  return new FlotillaError("store-corrupt", "the backup did not come whole", {
    causes: [`${bytes} bytes came, and their checksum is not what it should be`],
    hint: "try again; nothing was kept",
    retryable: true,
  });
}
