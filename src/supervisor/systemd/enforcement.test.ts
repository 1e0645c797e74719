import { describe, expect, test } from "vitest";
import { parseHierarchies } from "../embedded/cgroup/hierarchy.ts";
import { describeEnforcement } from "./enforcement.ts";

const UNIFIED = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
const HYBRID = [
  "31 1 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  "32 1 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
  "33 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "34 1 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
].join("\n");

function enforcement(mountinfo: string, controllers: string, isRoot = true) {
  return describeEnforcement(parseHierarchies(mountinfo, ""), controllers.split(" "), isRoot);
}

describe("what systemd holds units to", () => {
  test("is everything where version 2 has the controllers", () => {
    expect(enforcement(UNIFIED, "cpuset cpu io memory hugetlb pids")).toEqual({
      tracking: "systemd",
      memory: true,
      cpu: true,
      tasks: true,
      users: true,
      notes: [],
    });
  });

  test("is nothing, and said, where version 2 is all there is and lacks them", () => {
    const { memory, cpu, tasks, notes } = enforcement(UNIFIED, "hugetlb");
    expect({ memory, cpu, tasks }).toEqual({ memory: false, cpu: false, tasks: false });
    expect(notes).toHaveLength(4);
    expect(notes[0]).toContain("MemoryMax=");
    expect(notes[0]).toContain("the memory controller");
  });

  test("is what version 1 has where both are mounted", () => {
    expect(enforcement(HYBRID, "")).toMatchObject({ memory: true, cpu: true, tasks: false });
    expect(enforcement(HYBRID, "").notes.join()).toContain("TasksMax=");
  });

  test("is nothing of version 1 that is mounted elsewhere beside a unified one", () => {
    expect(enforcement(`${UNIFIED}\n${HYBRID}`, "cpu")).toMatchObject({ memory: false, cpu: true });
  });

  test("leaves out other users where it is not root's", () => {
    expect(enforcement(UNIFIED, "cpu", false).users).toBe(false);
  });
});
