/** A version as the store answers it. */
import type { Bytes, KeyValue, LeaseId, Revision } from "../store.ts";
import type { VersionRecord } from "./record.ts";

const NOTHING: Bytes = new Uint8Array(0);

/**
 * Reads each field when it is asked for; bytes are views, no copies. Of 100,000 keys on their way to a client, the buffers
 * and numbers would be half a million objects that live until the last key is written, and to collect those takes longer
 * than a turn of the event loop may.
 */
export class StoredKeyValue implements KeyValue {
  readonly record: VersionRecord;

  constructor(record: VersionRecord) {
    this.record = record;
  }

  get key(): Bytes {
    return this.record.keyBytes;
  }

  get value(): Bytes {
    return this.record.value;
  }

  get createRevision(): Revision {
    return BigInt(this.record.createRevision);
  }

  get modRevision(): Revision {
    return BigInt(this.record.modRevision);
  }

  get version(): bigint {
    return BigInt(this.record.version);
  }

  get lease(): LeaseId {
    return this.record.lease;
  }
}

/** The same for whoever wants no values. */
export class StoredKey extends StoredKeyValue {
  override get value(): Bytes {
    return NOTHING;
  }
}
