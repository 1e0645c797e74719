/** Which process is a service's main one, where its supervisor has not started that itself. */
import type { WatchRefusal } from "../shim/protocol.ts";
import type { Draft } from "./draft.ts";
import { mainExited } from "./exits.ts";
import { enterRunning, enterStartPost } from "./starting.ts";
import type { Candidate, NamedProcess, ServiceEvent } from "./state.ts";
import { enterSignal, enterStop } from "./stopping.ts";

/** The PID file that is waited for has come to name a process. */
export function named(draft: Draft, { pid, distrust }: NamedProcess): void {
  const { candidate } = draft.state;
  if (candidate?.from !== "pid-file") return;
  const { run, from } = candidate;
  draft.state.candidate = { run, from, pid, ...(distrust === undefined ? {} : { distrust }) };
  draft.do({ kind: "watch", run, pid, foreign: distrust === undefined });
}

/** Whether a candidate can be the main process; `pid` 0: it cannot, or there is more than one to guess from. */
export function adopted(draft: Draft, event: Extract<ServiceEvent, { kind: "adopted" }>): void {
  const { state } = draft;
  const { candidate } = state;
  if (candidate === undefined || candidate.run !== event.run) return;
  if (event.pid === 0) {
    refused(draft, candidate, event.refusal);
    return;
  }
  delete state.candidate;
  Object.assign(state, { mainRun: event.run, mainPid: event.pid, mainAlive: true, empty: false });
  if (event.foreign === true)
    draft.tell(`Supervising process ${event.pid} which does not belong to this unit.`, 5);
  if (candidate.end === undefined) goOn(draft);
}

function refused(draft: Draft, candidate: Candidate, refusal: WatchRefusal | undefined): void {
  const { state } = draft;
  if (refusal !== undefined) draft.warn(describeRefusal(draft, candidate, refusal));
  // The file may come to name another.
  if (candidate.from === "pid-file") return;
  delete state.candidate;
  if (candidate.end !== undefined) mainExited(draft, candidate.end);
  else if (candidate.from !== "notify") goOn(draft);
  else if (isStartingByItself(draft) && draft.settings.pidFile !== undefined) draft.findMain("pid-file");
}

function describeRefusal(draft: Draft, { pid, from, distrust }: Candidate, refusal: WatchRefusal): string {
  const which = `New main PID ${pid}`;
  if (refusal === "gone") return `${which} does not exist or is a zombie.`;
  if (refusal === "unwatched")
    return `${which} does not belong to service, and this kernel cannot watch it. Refusing.`;
  if (from === "notify") return `${which} does not belong to service, refusing.`;
  if (distrust === "owner")
    return `${which} does not belong to service, and PID file is not owned by root. Refusing.`;
  const path = draft.settings.pidFile;
  return `Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: ${path}`;
}

/** A forking service that is starting waits for its main process with nothing else to do. */
function isStartingByItself({ state, settings }: Draft): boolean {
  if (settings.type !== "forking" || state.control !== undefined) return false;
  return state.sub === "start" || state.sub === "start-post";
}

function goOn(draft: Draft): void {
  const { state, settings } = draft;
  if (!isStartingByItself(draft)) return;
  const isMissing = settings.pidFile !== undefined && state.mainRun === undefined;
  if (state.sub === "start-post") {
    if (isMissing) enterStop(draft, "protocol");
    else enterRunning(draft, "success");
    // ExecStartPost= may be what writes the file.
  } else if (isMissing && settings.execStartPost.length === 0) enterSignal(draft, "stop-sigterm", "protocol");
  else enterStartPost(draft);
}
