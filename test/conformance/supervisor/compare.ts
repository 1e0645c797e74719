/** What two runs of one scenario say: where expectations do not hold, where the sides differ, and which differences are known. */
import { COMPARED } from "./properties.ts";
import type { Finding } from "./run-scenario.ts";
import type { Side } from "./scenario.ts";

const IN_TRANSITION = new Set(["activating", "deactivating", "reloading", "maintenance"]);

/** A line for each expectation that does not hold on this side, and for each known difference that is none any more. */
export function faultsOf(side: Side, findings: readonly Finding[]): readonly string[] {
  return findings.flatMap((finding) => judge(finding, side, finding.fault));
}

/** The same of both sides, and a line for each state in which they differ. */
export function compareFindings(
  embedded: readonly Finding[],
  systemd: readonly Finding[],
): readonly string[] {
  return embedded.flatMap((finding, index) => {
    const other = systemd[index];
    if (other === undefined) return [];
    const differ = differences(finding, other).join(", ");
    return [
      ...judge(finding, "embedded", finding.fault ?? (differ === "" ? undefined : differ)),
      ...judge(
        other,
        "systemd",
        other.fault ?? (other.step.differs?.side === "systemd" ? differ : undefined),
      ),
    ];
  });
}

function judge({ step }: Finding, side: Side, fault: string | undefined): readonly string[] {
  const where = `line ${step.line} on ${side}: ${step.text}:`;
  if (step.differs?.side !== side) return fault === undefined ? [] : [`${where} ${fault}`];
  return fault === undefined ? [`${where} the known difference is gone: remove its mark`] : [];
}

/** Where the recorded states differ; those of units in transition are not compared. */
function differences(embedded: Finding, systemd: Finding): readonly string[] {
  return [...embedded.states].flatMap(([unit, state]) => {
    const real = systemd.states.get(unit) ?? {};
    const isMoving = [state, real].some(({ ActiveState = "" }) => IN_TRANSITION.has(ActiveState));
    if (isMoving) return [];
    return COMPARED.filter((property) => state[property] !== real[property]).map(
      (property) => `${unit} ${property} is ${state[property]}, with systemd ${real[property]}`,
    );
  });
}
