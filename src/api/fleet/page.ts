/** fleet's paging: slices of the whole list, with a token that says which is next. Pure. */
import { FlotillaError } from "#base/errors.ts";

/** fleet's `token_limit`. */
export const PAGE_ITEMS = 100;

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * The page that a token asks for; without one the first.
 * @throws FlotillaError `bad-request`
 */
export function pageOf<T>(all: readonly T[], token: string | readonly string[] | undefined): Page<T> {
  const page = readPage(token);
  const stop = page * PAGE_ITEMS;
  return {
    items: all.slice(stop - PAGE_ITEMS, stop),
    // As fleet has it: a list that just fills its last page has an empty one behind it.
    next: stop - PAGE_ITEMS < all.length && stop <= all.length ? formatToken(page + 1) : undefined,
  };
}

/** Limit and number of the page, each 16 bits with the lower byte first, in the URL's base64 with its padding. */
function formatToken(page: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(PAGE_ITEMS, 0);
  bytes.writeUInt16LE(page % 0x1_00_00, 2);
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function readPage(token: string | readonly string[] | undefined): number {
  if (token === undefined) return 1;
  if (typeof token !== "string") throw badToken("too many values for page token");
  const isBase64 = token.length % 4 === 0 && /^[A-Za-z0-9_-]*={0,2}$/.test(token);
  if (!isBase64) throw badToken("illegal base64 data in page token");
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length < 4) throw badToken("page token is too short");
  if (bytes.readUInt16LE(0) !== PAGE_ITEMS) throw badToken(`token limit must be ${PAGE_ITEMS}`);
  const page = bytes.readUInt16LE(2);
  if (page === 0) throw badToken("token page must be greater than zero");
  return page;
}

function badToken(message: string): FlotillaError {
  return new FlotillaError("bad-request", message);
}
