/** Keys as bytes: encoding, and the range that covers a prefix (etcd's rule: the prefix with its last byte raised). */
import type { Bytes } from "./store.ts";

const decoder = new TextDecoder();

/** The UTF-8 bytes of a text. */
export function toBytes(text: string): Bytes {
  // A quarter of the time of a TextEncoder, for the short texts that keys are.
  const { buffer, byteOffset, length } = Buffer.from(text);
  return new Uint8Array(buffer, byteOffset, length);
}

/** The text of UTF-8 bytes; invalid bytes become the replacement character. */
export function toText(bytes: Bytes): string {
  return decoder.decode(bytes);
}

/** A range end that means "every key from here on". */
export const TO_THE_END: Bytes = new Uint8Array([0]);

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: Bytes): Bytes {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return TO_THE_END;
  // A copy in any case: the slice of a Buffer is a view.
  const end = new Uint8Array(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}

/** The range of all keys that begin with `prefix`, as the two ends a request takes. */
export function prefixRange(prefix: string): { readonly key: Bytes; readonly rangeEnd: Bytes } {
  const key = toBytes(prefix);
  return key.length === 0 ? { key: TO_THE_END, rangeEnd: TO_THE_END } : { key, rangeEnd: prefixEnd(key) };
}
