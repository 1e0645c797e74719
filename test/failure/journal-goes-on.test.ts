/** The journal across machines, read while one of them dies and comes back. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../cli/terminal.ts";
import { Cluster } from "../cluster/cluster.ts";
import { launch } from "../cluster/units.ts";

/** Writes a number every tenth of a second, from one. */
const COUNTER =
  "[Service]\nExecStart=/usr/bin/perl -e '$$| = 1; while (1) { print ++$$n, \"\\\\n\"; select undef, undef, undef, 0.1 }'\n";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ machines: 3, leaseTtlS: 3, network: "shared" });
});
afterAll(() => cluster.stop());

test("a unit is followed to the machine that it moves to, and what it wrote before is kept where it was", async () => {
  // m1 has the store.
  await cluster.client("m1").configureMachine("m1", { cordoned: true });
  const [row] = await launch(cluster, ["counter.service"], COUNTER);
  const from = row?.machineName ?? "";
  const endpoint = cluster.endpoint("m1");
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]);
  let shown = "";
  let isCut = false;
  const onOutput = (text: string): void => {
    shown += text;
    const [machine] = /m\d(?= perl\[)/.exec(text) ?? [from];
    if (!isCut && shown.split("\n").length > 5) {
      isCut = true;
      void cluster.host.kill(from);
    }
    if (isCut && machine !== from) stop.abort();
  };
  const ran = await runCommand("journal -f counter", { endpoint, signal, onOutput });
  const lines = ran.stdout
    .trimEnd()
    .split("\n")
    .filter((text) => text.includes("perl["));
  expect(lines.some((text) => text.includes(` ${from} perl[`))).toBe(true);
  expect(ran.stderr).toContain(`${from} does not answer; what it has follows when it is back\n`);
  expect(ran.stderr).toMatch(new RegExp(`^counter\\.service goes on on m\\d; it was on ${from}$`, "m"));
  await cluster.host.restart(from);
  await cluster.joined([from]);
  const all = await runCommand("journal -n all -o short-unix counter", { endpoint });
  expect(all.stderr).toBe("");
  const machines = all.stdout.split("\n").flatMap((text) => / (m\d) perl\[/.exec(text)?.[1] ?? []);
  expect(new Set(machines).size).toBe(2);
  expect(machines.indexOf(from)).toBe(0);
  const times = all.stdout
    .trimEnd()
    .split("\n")
    .map((text) => Number(text.split(" ")[0]));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
}, 60_000);
