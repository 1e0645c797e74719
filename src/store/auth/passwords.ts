/**
 * Passwords as they are stored: `scrypt$` with its cost, a salt and the hash. Etcd's own hashes are bcrypt's, which are
 * not understood here: users of a restored etcd snapshot need new passwords.
 */
import { type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import type { Random } from "#base/random.ts";
import { toBytes, toText } from "../keys.ts";
import type { Bytes } from "../store.ts";

/** About 30 ms of one core: what guessing costs each time. */
const COST = 16_384;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** What no password makes: a hash of all zeros. */
export const NOBODYS_PASSWORD: Bytes = toBytes(
  [
    "scrypt",
    COST,
    Buffer.alloc(SALT_BYTES).toString("base64"),
    Buffer.alloc(HASH_BYTES).toString("base64"),
  ].join("$"),
);

export async function hashPassword(password: string, random: Random): Promise<Bytes> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  const hash = await derive(password, salt, COST);
  return toBytes(["scrypt", COST, salt.toString("base64"), hash.toString("base64")].join("$"));
}

/** Takes as long whether the password is right or not. */
export async function isPassword(password: string, stored: Bytes): Promise<boolean> {
  const [kind, cost, salt = "", hash = ""] = toText(stored).split("$");
  if (kind !== "scrypt") return false;
  const expected = Buffer.from(hash, "base64");
  const actual = await derive(password, Buffer.from(salt, "base64"), Number(cost));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  const options: ScryptOptions = { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}
