/** The end of the time that a service may run for without being held again: its shim has killed it, or is about to. */
import type { Draft } from "./draft.ts";
import { enterRest, enterSignal } from "./stopping.ts";

/** As an explicit stop nothing is restarted by itself, and no command is run: nothing of the unit may be left. */
export function expired(draft: Draft): void {
  const { state } = draft;
  state.expired = true;
  if (state.sub === "dead" || state.sub === "failed" || state.sub === "final-sigkill") return;
  state.message = "killed, as nobody had said in time that it may go on";
  draft.warn("It was not held any longer. Killing.");
  if (state.sub === "auto-restart") {
    draft.blame("timeout");
    enterRest(draft, true);
    return;
  }
  Object.assign(state, { stopping: true, restarting: false });
  enterSignal(draft, "final-sigkill", "timeout");
}
