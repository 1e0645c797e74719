/**
 * The data directory of a member that takes an embedded store's place, made while that works on.
 *
 * Etcd's own program makes the directory of an empty snapshot, which takes it a moment. Its database is then exchanged for
 * a copy of the store, in which what etcd has written about the member itself stays.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "#host/files.ts";
import { ownEntriesOf } from "#store/snapshot/database-file.ts";
import { type CopiedStore, EtcdCopy } from "#store/snapshot/etcd-copy.ts";
import { writeEtcdSnapshot } from "#store/snapshot/etcd-snapshot.ts";
import type { Revision } from "#store/store.ts";
import { type NewMember, restoreMember } from "./snapshot-file.ts";

export class MemberData {
  readonly #folder: string;
  readonly #copy: EtcdCopy;

  private constructor(folder: string, copy: EtcdCopy) {
    this.#folder = folder;
    this.#copy = copy;
  }

  /** Copies all there is and nearly all that changes meanwhile. @param restorer etcd's program for snapshots */
  static async begin(store: CopiedStore, restorer: string, member: NewMember): Promise<MemberData> {
    const empty = `${member.directory}.snapshot`;
    await rm(empty, { force: true });
    try {
      await writeEtcdSnapshot(NOTHING, empty);
      await restoreMember(restorer, empty, member);
    } finally {
      await rm(empty, { force: true });
    }
    const folder = join(member.directory, "member", "snap");
    return new MemberData(folder, await EtcdCopy.begin(store, join(folder, "db.new")));
  }

  /** Copies the rest, when the store takes no more writes. Resolves with its revision. */
  async finish(): Promise<Revision> {
    const database = join(this.#folder, "db");
    const revision = await this.#copy.finish(ownEntriesOf(database));
    await rename(join(this.#folder, "db.new"), database);
    await syncDirectory(this.#folder);
    return revision;
  }

  async close(): Promise<void> {
    await this.#copy.close();
  }
}

/** A store without anything. */
const NOTHING: Parameters<typeof writeEtcdSnapshot>[0] = {
  async *snapshot() {
    yield [{ kind: "head", revision: 1n, identity: { clusterId: 0n, memberId: 0n } }];
  },
};
