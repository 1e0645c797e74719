/** Which process is a service's main one, where its supervisor has not started that itself. */
import type { Draft } from "./draft.ts";
import { mainExited } from "./exits.ts";
import { enterRunning, enterStartPost } from "./starting.ts";

/** Whether a candidate is a process of the unit; `pid` 0: it is not, or there is more than one to guess from. */
export function adopted(draft: Draft, { run, pid }: { run: number; pid: number }): void {
  const { state } = draft;
  const { candidate } = state;
  if (candidate === undefined || candidate.run !== run) return;
  if (pid > 0) {
    delete state.candidate;
    Object.assign(state, { mainRun: run, mainPid: pid, mainAlive: true, empty: false });
    if (candidate.end === undefined) goOn(draft);
    return;
  }
  // The file may come to name another.
  if (candidate.from === "pid-file") return;
  delete state.candidate;
  if (candidate.end !== undefined) mainExited(draft, candidate.end);
  else goOn(draft);
}

/** A forking service waits for its main process with nothing else to do. */
function goOn(draft: Draft): void {
  const { state, settings } = draft;
  if (settings.type !== "forking" || state.control !== undefined) return;
  if (state.sub === "start") enterStartPost(draft);
  else if (state.sub === "start-post") enterRunning(draft, "success");
}
