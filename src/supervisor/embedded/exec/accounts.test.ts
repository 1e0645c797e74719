import { expect, test } from "vitest";
import { findGroup, findUser, groupsOf } from "./accounts.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nweb:x:1000:100:Web,,,:/srv/web:/bin/sh\n";
const GROUP = "root:x:0:\nusers:x:100:\nlogs:x:101:web,other\nmore:x:102:otherweb\n";

test("a user is found by name or number, and root also where no file has it", () => {
  const web = { name: "web", uid: 1000, gid: 100, home: "/srv/web", shell: "/bin/sh" };
  expect(findUser(PASSWD, "web")).toEqual(web);
  expect(findUser(PASSWD, "1000")).toEqual(web);
  expect(findUser(PASSWD, "77")).toBeUndefined();
  expect(findUser("", "root")).toMatchObject({ uid: 0, home: "/root" });
  expect(findUser("", "0")).toMatchObject({ name: "root" });
  expect(findUser(PASSWD, "nosuch")).toBeUndefined();
});

test("groups are found by name or number, and memberships by whole names", () => {
  expect(findGroup(GROUP, "logs")).toBe(101);
  expect(findGroup(GROUP, "100")).toBe(100);
  expect(findGroup(GROUP, "7")).toBeUndefined();
  expect(findGroup("", "root")).toBe(0);
  expect(findGroup(GROUP, "log")).toBeUndefined();
  expect(groupsOf(GROUP, "web")).toEqual([101]);
});
