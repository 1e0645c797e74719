import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { isAddressFamily, isArchitecture, isErrorName } from "./kernel-names.ts";

describe.each([
  {
    what: "an address family",
    is: isAddressFamily,
    names: ["AF_UNIX", "AF_NETLINK", "AF_DECnet", "AF_ALG", "AF_XDP"],
  },
  { what: "an error", is: isErrorName, names: ["EPERM", "E2BIG", "ENOSYS", "EWOULDBLOCK", "EXFULL"] },
  { what: "an architecture", is: isArchitecture, names: ["mips64-le-n32", "x86-64", "riscv64", "native"] },
])("$what", ({ is, names }) => {
  test.each(names)("%s is one", (name) => {
    expect(is(name)).toBe(true);
  });

  test.each(names)("nothing that is only a part of %s, or more than it", (name) => {
    for (const other of [name.slice(0, -1), `${name}X`, name.slice(1), ` ${name} `, `${name} ${name}`])
      expect(names.includes(other) || !is(other), other).toBe(true);
  });

  test.each([
    "",
    " ",
    "AF_",
    "E",
    "toString",
    "AF_INET INET6",
    "EPERM PFNOSUPPORT",
    "x86 x86-64",
    "AF_unix",
    "eperm",
    "X86-64",
  ])("%j is none", (name) => {
    expect(is(name)).toBe(false);
  });
});

test("every error of this system is known", () => {
  expect(Object.keys(constants.errno).filter((name) => !isErrorName(name))).toEqual([]);
});
