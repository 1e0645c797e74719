import { describe, expect, test } from "vitest";
import { readValue } from "../../test/unit/read-value.ts";
import {
  coredumpFilter,
  extensionImages,
  mountImages,
  rootHash,
  rootHashSignature,
  rootImageOptions,
} from "./image-values.ts";

describe("images that are mounted", () => {
  test.each([
    ["/a.raw:/mnt", [{ source: "/a.raw", destination: "/mnt", optional: false, partitions: [] }]],
    ["-/a.raw:/mnt", [{ source: "/a.raw", destination: "/mnt", optional: true, partitions: [] }]],
    ["/%i.raw:/%p", [{ source: "/1.raw", destination: "/web", optional: false, partitions: [] }]],
    [
      "/a.raw:/mnt:ro",
      [
        {
          source: "/a.raw",
          destination: "/mnt",
          optional: false,
          partitions: [{ partition: "root", options: "ro" }],
        },
      ],
    ],
    [
      "/a:/b:usr:ro:home:nosuid",
      [
        {
          source: "/a",
          destination: "/b",
          optional: false,
          partitions: [
            { partition: "usr", options: "ro" },
            { partition: "home", options: "nosuid" },
          ],
        },
      ],
    ],
  ])("%s", (text, expected) => {
    expect(readValue(mountImages, text, "MountImages")).toEqual({ value: expected, warnings: [] });
  });

  test.each([
    ["/a.raw", "Missing destination in MountImages, ignoring: /a.raw"],
    ["/%z:/b", 'Failed to resolve unit specifiers in "/%z", ignoring: Invalid slot'],
    ["/a:/%z", 'Failed to resolve specifiers in "/%z", ignoring: Invalid slot'],
  ])("%s is left out, and the others stay", (text, warning) => {
    const { value, warnings } = readValue(mountImages, `${text} /c:/d`, "MountImages");
    expect(value).toEqual([{ source: "/c", destination: "/d", optional: false, partitions: [] }]);
    expect(warnings).toEqual([warning.replace("ignoring: /a.raw", "ignoring: /a.raw /c:/d")]);
  });

  test("a partition that does not exist is left out, its image stays", () => {
    expect(readValue(mountImages, "/a:/b:attic:ro:usr:ro", "MountImages")).toEqual({
      value: [
        {
          source: "/a",
          destination: "/b",
          optional: false,
          partitions: [{ partition: "usr", options: "ro" }],
        },
      ],
      warnings: ["Invalid partition name attic, ignoring"],
    });
  });
});

test.each([
  ["/a.raw", [{ source: "/a.raw", optional: false, partitions: [] }]],
  ["-/a.raw:ro", [{ source: "/a.raw", optional: true, partitions: [{ partition: "root", options: "ro" }] }]],
])("an extension %s has no destination", (text, expected) => {
  expect(readValue(extensionImages, text, "ExtensionImages").value).toEqual(expected);
});

test.each([
  ["ro", [{ partition: "root", options: "ro" }]],
  [
    "root:ro usr:ro,nosuid",
    [
      { partition: "root", options: "ro" },
      { partition: "usr", options: "ro,nosuid" },
    ],
  ],
  ["attic:ro usr:ro", [{ partition: "usr", options: "ro" }]],
  ["a:b:c", "warning: Failed to parse RootImageOptions, ignoring: a:b:c"],
  ['"ro', 'warning: Failed to parse RootImageOptions, ignoring: "ro'],
])("the options of a root image written %s are %j", (text, expected) => {
  expect(readValue(rootImageOptions, text, "RootImageOptions").value).toEqual(expected);
});

const HASH = "0123456789abcdef0123456789ABCDEF";
test.each([
  [HASH, HASH],
  ["/etc/hash", "/etc/hash"],
  ["01 23 45 67 89 ab cd ef 01 23 45 67 89 AB CD EF", HASH],
  [HASH.slice(2), `warning: RootHash= is too short, ignoring: ${HASH.slice(2)}`],
  ["", "warning: Failed to decode RootHash=, ignoring: "],
  ["123", "warning: Failed to decode RootHash=, ignoring: 123"],
  ["xyz", "warning: Failed to decode RootHash=, ignoring: xyz"],
])("a root hash written %j is %j", (text, expected) => {
  expect(readValue(rootHash, text).value).toBe(expected);
});

test.each([
  ["/etc/signature", "/etc/signature"],
  ["base64:QUJD", "base64:QUJD"],
  ["base64:*", "warning: Failed to decode RootHashSignature=, ignoring: base64:*"],
  [
    "QUJD",
    "warning: Failed to decode RootHashSignature=, not a path but doesn't start with 'base64:', ignoring: QUJD",
  ],
])("a root hash's signature written %s is %j", (text, expected) => {
  expect(readValue(rootHashSignature, text).value).toBe(expected);
});

test.each([
  ["default", 0x33n],
  ["all", 2n ** 64n - 1n],
  ["private-anonymous shared-dax", 0x101n],
  ["elf-headers 0x20", 0x30n],
  ["0x33", 0x33n],
  ["33", 0x33n],
  ["+ff", 0xffn],
  ["ffffffffffffffff", 2n ** 64n - 1n],
  ["0x00000000000000001", 1n],
])("%s says what a core dump holds", (text, bits) => {
  expect(readValue(coredumpFilter, text).value).toBe(bits);
});

test.each([
  ["everything", "Invalid argument"],
  ["default 0xg", "Invalid argument"],
  ["-1", "Numerical result out of range"],
  ["10000000000000000", "Numerical result out of range"],
])("%s says nothing of a core dump: %s", (text, fault) => {
  expect(readValue(coredumpFilter, text).value).toBe(
    `warning: Failed to parse the CoredumpFilter=${text}, ignoring: ${fault}`,
  );
});
