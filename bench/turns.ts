/** How long a process holds up its event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** The processor time of the longest turn of the event loop meanwhile, in ms; other processes do not count. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let [longest, last, isDone] = [0, cpuMs(), false];
  const watching = (async () => {
    while (!isDone) {
      await nextTurn();
      const now = cpuMs();
      longest = Math.max(longest, now - last);
      last = now;
    }
  })();
  await work();
  isDone = true;
  await watching;
  return longest;
}
