import { expect, test } from "vitest";
import { readUsage } from "./usage.ts";

function usageOf(files: Readonly<Record<string, string>>): ReturnType<typeof readUsage> {
  return readUsage((controller, file) => files[`${controller}/${file}`]);
}

test("version 2 tells memory, its peak, processor time, tasks and what went to and from disks", () => {
  expect(
    usageOf({
      "memory/memory.current": "4096\n",
      "memory/memory.peak": "8192\n",
      "cpu/cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n",
      "pids/pids.current": "3\n",
      "io/io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=1\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n",
    }),
  ).toEqual({
    memoryBytes: 4096,
    memoryPeakBytes: 8192,
    cpuMs: 1.5,
    tasks: 3,
    ioReadBytes: 11,
    ioWriteBytes: 22,
  });
});

test("version 1 tells the same in other words", () => {
  expect(
    usageOf({
      "memory/memory.usage_in_bytes": "4096\n",
      "memory/memory.max_usage_in_bytes": "8192\n",
      "cpu/cpuacct.usage": "2000000\n",
      "pids/pids.current": "3\n",
      "io/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
    }),
  ).toEqual({
    memoryBytes: 4096,
    memoryPeakBytes: 8192,
    cpuMs: 2,
    tasks: 3,
    ioReadBytes: 10,
    ioWriteBytes: 20,
  });
});

test("what is not counted, or not as a number, is absent", () => {
  expect(usageOf({})).toEqual({});
  expect(usageOf({ "memory/memory.current": "max\n", "cpu/cpu.stat": "nr_periods 0\n" })).toEqual({});
});
