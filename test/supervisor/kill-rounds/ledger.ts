/** What a service noted of its life, held against its journal: pure. */

interface Run {
  readonly starts: number;
  /** How many lines it wrote and its exit code, when it came to an end by itself or by SIGTERM. */
  readonly ends: readonly { readonly lines: number; readonly code: string }[];
  /** What each ExecStopPost was told: `EXIT_CODE EXIT_STATUS`. */
  readonly posts: readonly string[];
}

/** What is wrong with a service's life that is over, a sentence each; none: nothing was lost or doubled. */
export function faultsOfLife(name: string, ledger: string, output: readonly string[]): readonly string[] {
  const entries = ledger.split("\n").filter((line) => line !== "");
  const runs = runsOf(entries);
  const faults = entries.filter((line) => line.startsWith("doubled"));
  const isForking = name.includes("forking");
  for (const [id, run] of runs) {
    faults.push(...faultsOfRun(run, isForking).map((fault) => `run ${id} ${fault}`));
  }
  for (const [id, numbers] of linesByRun(output)) {
    const end = runs.get(id)?.ends[0];
    const wanted = Array.from({ length: end?.lines ?? numbers.length }, (_, index) => index + 1);
    if (numbers.join() !== wanted.join())
      faults.push(`run ${id} wrote lines 1 to ${wanted.length}, its journal has ${numbers.join()}`);
  }
  const silent = [...runs].filter(
    ([id, { ends }]) => ends[0] !== undefined && ends[0].lines > 0 && !linesByRun(output).has(id),
  );
  faults.push(...silent.map(([id]) => `run ${id} has no line in the journal`));
  return faults.map((fault) => `${name}: ${fault}`);
}

/**
 * A forking service that is asked to stop while it starts, before its main process is known, is told of no exit; systemd
 * does not know whose it would be either.
 */
function faultsOfRun({ starts, ends, posts }: Run, isForking: boolean): readonly string[] {
  const faults: string[] = [];
  if (starts > 1) faults.push(`was started ${starts} times`);
  if (posts.length > 1) faults.push(`ran ExecStopPost ${posts.length} times`);
  const [end] = ends;
  const [post] = posts;
  // Also one that was ended before it could note it.
  if (starts > 0 && post === undefined) faults.push("ended without ExecStopPost");
  const isUntold = isForking && end?.code === "0" && post === "- -";
  if (end !== undefined && post !== undefined && post !== `exited ${end.code}` && !isUntold)
    faults.push(`exited with ${end.code}, and ExecStopPost was told ${post}`);
  return faults;
}

function runsOf(entries: readonly string[]): ReadonlyMap<string, Run> {
  const runs = new Map<string, Run>();
  for (const entry of entries) {
    const [kind, id = "", ...rest] = entry.split(" ");
    const run = runs.get(id) ?? { starts: 0, ends: [], posts: [] };
    if (kind === "start") runs.set(id, { ...run, starts: run.starts + 1 });
    if (kind === "end")
      runs.set(id, { ...run, ends: [...run.ends, { lines: Number(rest[0]), code: rest[1] ?? "" }] });
    if (kind === "post") runs.set(id, { ...run, posts: [...run.posts, rest.slice(1).join(" ")] });
  }
  return runs;
}

function linesByRun(output: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const byRun = new Map<string, number[]>();
  for (const line of output) {
    const [id = "", number] = line.split(" ");
    const numbers = byRun.get(id) ?? [];
    byRun.set(id, numbers);
    numbers.push(Number(number));
  }
  return byRun;
}
