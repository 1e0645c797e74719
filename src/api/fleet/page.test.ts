import { describe, expect, test } from "vitest";
import { PAGE_ITEMS, pageOf } from "./page.ts";

const list = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);

/** All pages, one after the other by their tokens. */
function pagesOf(all: readonly number[]): readonly (readonly number[])[] {
  const pages = [];
  let token: string | undefined;
  do {
    const page = pageOf(all, token);
    pages.push(page.items);
    token = page.next;
  } while (token !== undefined);
  return pages;
}

describe("pages", () => {
  test("the second page's token is fleet's", () => {
    expect(pageOf(list(101), undefined).next).toBe("ZAACAA==");
  });

  test.each([
    [0, [0]],
    [1, [1]],
    [99, [99]],
    // fleet says that there is another page where the last one is just full.
    [100, [100, 0]],
    [101, [100, 1]],
    [250, [100, 100, 50]],
  ])("a list of %i", (length, sizes) => {
    const pages = pagesOf(list(length));
    expect(pages.map((page) => page.length)).toEqual(sizes);
    expect(pages.flat()).toEqual(list(length));
  });

  test("a page behind the last is empty and the last", () => {
    const { next } = pageOf(list(100), undefined);
    expect(pageOf(list(3), next)).toEqual({ items: [], next: undefined });
  });
});

describe("tokens that are refused", () => {
  const token = (limit: number, page: number): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt16LE(limit, 0);
    bytes.writeUInt16LE(page, 2);
    return bytes.toString("base64");
  };

  test.each([
    ["no base64", "@@@@", "illegal base64 data in page token"],
    ["no padding", "ZAACAA", "illegal base64 data in page token"],
    ["too short", "ZAA=", "page token is too short"],
    ["empty", "", "page token is too short"],
    ["of another limit", token(PAGE_ITEMS + 1, 1), "token limit must be 100"],
    ["of page 0", token(PAGE_ITEMS, 0), "token page must be greater than zero"],
    ["several", ["ZAACAA==", "ZAACAA=="], "too many values for page token"],
  ])("%s", (_, value, message) => {
    expect(() => pageOf(list(1), value)).toThrow(message);
  });
});
