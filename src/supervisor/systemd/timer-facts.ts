/** What systemctl shows of a timer beside its state. Pure. */
import type { UnitFact } from "../supervisor.ts";
import { number, type Properties } from "./bus/values.ts";

/** Of a timer that does not elapse by the calendar, systemd says nothing here. */
export function timerFacts({ NextElapseUSecRealtime }: Properties): readonly UnitFact[] {
  const us = number(NextElapseUSecRealtime);
  const isSet = us > 0 && us < Number.MAX_SAFE_INTEGER;
  return isSet ? [{ label: "Trigger", atMs: Math.floor(us / 1000) }] : [];
}
