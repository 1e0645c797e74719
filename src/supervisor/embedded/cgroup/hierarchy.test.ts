import { expect, test } from "vitest";
import { parseHierarchies } from "./hierarchy.ts";

test("a hybrid machine has its controllers in version 1 and an empty version 2 beside them", () => {
  const mountinfo = [
    "30 25 0:26 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755",
    "31 30 0:27 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory",
    "32 30 0:28 / /sys/fs/cgroup/cpu rw shared:11 - cgroup cgroup rw,cpu,cpuacct",
    "33 30 0:29 / /sys/fs/cgroup/unified rw shared:12 - cgroup2 cgroup2 rw",
  ].join("\n");
  expect(parseHierarchies(mountinfo, "4:memory:/own\n1:cpu,cpuacct:/\n0::/user\n")).toEqual([
    {
      version: 1,
      mount: "/sys/fs/cgroup/memory",
      controllers: ["memory"],
      bases: ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/own"],
    },
    {
      version: 1,
      mount: "/sys/fs/cgroup/cpu",
      controllers: ["cpu", "cpuacct"],
      bases: ["/sys/fs/cgroup/cpu"],
    },
    {
      version: 2,
      mount: "/sys/fs/cgroup/unified",
      controllers: [],
      bases: ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/user"],
    },
  ]);
});

test("a machine without cgroups has none", () => {
  expect(parseHierarchies("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "")).toEqual([]);
});
