import fc from "fast-check";
import { expect, test } from "vitest";
import { expandSpecifiers, specifierContext } from "./specifiers.ts";

const FACTS = {
  host: "node1.example.org",
  prettyHost: "Node One",
  machineId: "11111111111111111111111111111111",
  bootId: "22222222222222222222222222222222",
  kernel: "6.1.0",
  architecture: "x86-64",
  user: "ops",
  uid: 1000,
  group: "staff",
  gid: 50,
  home: "/home/ops",
  shell: "/bin/bash",
  osRelease: { ID: "debian", VERSION_ID: "12", IMAGE_ID: "img" },
};
const CONTEXT = {
  ...specifierContext("foo-bar@a-b\\x20c.service", FACTS),
  fragmentPath: "/run/units/foo-bar@.service",
};

test.each([
  ["%n", "foo-bar@a-b\\x20c.service"],
  ["%N", "foo-bar@a-b\\x20c"],
  ["%p", "foo-bar"],
  ["%P", "foo/bar"],
  ["%i", "a-b\\x20c"],
  ["%I", "a/b c"],
  ["%j", "bar"],
  ["%J", "bar"],
  ["%f", "/a/b c"],
  ["%y", "/run/units/foo-bar@.service"],
  ["%Y", "/run/units"],
  ["%C %E %L %S %t", "/var/cache /etc /var/log /var/lib /run"],
  ["%d", "/run/credentials/foo-bar@a-b\\x20c.service"],
  ["%h %s", "/home/ops /bin/bash"],
  ["%u %U %g %G", "ops 1000 staff 50"],
  ["%H %l %q", "node1.example.org node1 Node One"],
  ["%m", "11111111111111111111111111111111"],
  ["%b", "22222222222222222222222222222222"],
  ["%v %a", "6.1.0 x86-64"],
  ["%o %w %M [%W%B%A]", "debian 12 img []"],
  ["%T %V", "/tmp /var/tmp"],
  ["100%%", "100%"],
  ["%%n", "%n"],
  ["a%", "a%"],
  ["% d %-", "% d %-"],
])("%s becomes %s", (text, expanded) => {
  expect(expandSpecifiers(text, CONTEXT)).toBe(expanded);
});

test.each(["%z", "a %D b", "%0", "%n %X"])("%s has an unknown specifier", (text) => {
  expect(expandSpecifiers(text, CONTEXT)).toBeUndefined();
});

test("a unit without instance has an empty one, and %f is its prefix", () => {
  const plain = specifierContext("foo-bar.service");
  expect(expandSpecifiers("[%i%I] %f %j", plain)).toBe("[] /foo/bar bar");
  expect(expandSpecifiers("[%i]", specifierContext("foo@.service"))).toBe("[]");
});

test("text without a percent sign stays, and nothing is expanded twice", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const escaped = text.replaceAll("%", "%%");
      expect(expandSpecifiers(escaped, CONTEXT)).toBe(text);
    }),
  );
});
